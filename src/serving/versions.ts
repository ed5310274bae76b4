import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { VersionPolicy } from '../config/serving.js';
import { MODEL_CARD } from '../formats/model-card.js';

/** The location of a model's versions. */
export interface ModelSource {
  readonly folder: string;
  /** true: subfolders 1, 2, … are the versions, as in TensorFlow Serving; false: the folder is the only version. */
  readonly isNumbered: boolean;
}

export interface VersionFolder {
  readonly version: number;
  readonly folder: string;
  /** The time of the last change in the folder, in milliseconds. */
  readonly changedAt: number;
}

const NUMBER = /^[1-9]\d*$/;

/** The numbers of subfolders that are versions. */
async function numberedFolders(folder: string): Promise<number[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter(entry => NUMBER.test(entry.name) && (entry.isDirectory() || entry.isSymbolicLink()))
    .map(({ name }) => Number(name));
}

export const hasVersions = async (folder: string): Promise<boolean> =>
  (await numberedFolders(folder)).length > 0;

/**
 * Lists complete versions: every part of the model exists, and nothing was written for `settledMs`. A copy in progress
 * is skipped; a later call finds it.
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

/** Infinity: a part is missing. Uses ctime, which every change of content updates and no copying program can set. */
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
        () => Infinity, // removed meanwhile: the folder is being changed
      ),
    ),
  );
  return Math.max(...times);
}

/** Selects versions by the policy. */
export function selectVersions<T extends { readonly version: number }>(
  found: readonly T[],
  policy: VersionPolicy,
): T[] {
  if (policy === 'all') return [...found];
  if (policy === 'latest') return found.slice(-1);
  return found.filter(({ version }) => policy.includes(version));
}
