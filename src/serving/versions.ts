import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { VersionPolicy } from '../config/serving.js';
import { MODEL_CARD } from '../formats/model-card.js';

/** Where the versions of a model lie. */
export interface ModelSource {
  readonly folder: string;
  /** Its subfolders 1, 2, … are the versions, as TensorFlow Serving has them; false: it is the only version itself. */
  readonly isNumbered: boolean;
}

export interface VersionFolder {
  readonly version: number;
  readonly folder: string;
  /** When anything in it was last written to, in milliseconds. */
  readonly changedAt: number;
}

const NUMBER = /^[1-9]\d*$/;

/** Subfolders whose name is a version. */
async function numberedFolders(folder: string): Promise<number[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter(entry => NUMBER.test(entry.name) && (entry.isDirectory() || entry.isSymbolicLink()))
    .map(({ name }) => Number(name));
}

export const hasVersions = async (folder: string): Promise<boolean> =>
  (await numberedFolders(folder)).length > 0;

/**
 * Versions that are complete: every part of the model is there, and nothing was written for `settledMs`. A copy that is
 * under way is passed over; it is seen once it has ended.
 */
export async function listVersions(
  { folder, isNumbered }: ModelSource,
  settledMs: number,
): Promise<VersionFolder[]> {
  if (!isNumbered) return [{ version: 1, folder, changedAt: 0 }];
  const versions = (await numberedFolders(folder)).sort((a, b) => a - b);
  const found = await Promise.all(
    versions.map(async version => {
      const path = join(folder, String(version));
      return { version, folder: path, changedAt: await lastChange(path) };
    }),
  );
  const now = Date.now();
  return found.filter(({ changedAt }) => now - changedAt >= settledMs);
}

/** Infinity: a part is missing. A change of content always moves ctime, which no copying program can set. */
async function lastChange(folder: string): Promise<number> {
  const variables = await readdir(join(folder, 'variables')).catch(() => []);
  const isWhole = ['variables.index', 'variables.data-'].every(part =>
    variables.some(name => name.startsWith(part)),
  );
  if (!isWhole) return Infinity;
  const own = await readdir(folder);
  if (!own.includes(MODEL_CARD) || !own.includes('saved_model.pb')) return Infinity;
  const paths = ['.', ...own, ...variables.map(name => join('variables', name))];
  const times = await Promise.all(
    paths.map(path =>
      stat(join(folder, path)).then(
        ({ ctimeMs }) => ctimeMs,
        () => Infinity, // gone again: it is being worked on
      ),
    ),
  );
  return Math.max(...times);
}

/** Those of the complete versions that a policy serves. */
export function chosenVersions<T extends { readonly version: number }>(
  found: readonly T[],
  policy: VersionPolicy,
): T[] {
  if (policy === 'all') return [...found];
  if (policy === 'latest') return found.slice(-1);
  return found.filter(({ version }) => policy.includes(version));
}
