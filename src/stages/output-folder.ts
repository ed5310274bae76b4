import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { errors } from '../errors/index.js';
import { PARTIAL } from '../files/atomic.js';
import { hasCode } from '../files/system-error.js';
import { subfolder, withTemporaryFolder } from '../files/temporary-folder.js';
import { MARKER, markerText, readMarker } from '../formats/run-marker.js';

/** The output folder of a run. */
export interface Output {
  readonly target: string;
  /** Whether the user chose it: then it may hold files of theirs. */
  readonly isChosen: boolean;
}

/** @throws OUTPUT_UNUSABLE: the folder holds files of somebody else, or cannot be created; checked before days of training */
export async function assertUsable({ target, isChosen }: Output): Promise<void> {
  if (!isAbsolute(target))
    throw errors.outputUnusable(target, 'is no absolute path of a folder, and no address of a bucket');
  const names = await entriesOf(target);
  if (isChosen && names.length > 0 && !names.includes(MARKER))
    throw errors.outputUnusable(target, `holds ${names.slice(0, 3).join(', ')}, which no run put there`);
  await mkdir(dirname(target), { recursive: true }).catch((error: Error) => {
    throw errors.outputUnusable(target, error.message);
  });
}

/** Fills a folder beside the target and renames it into place. Files that people added to the earlier output stay. */
export async function replaceOutput(
  output: Output,
  { run, fill }: { run: string; fill: (folder: string) => Promise<void> },
): Promise<void> {
  await assertUsable(output);
  const { target } = output;
  await withTemporaryFolder(`${target}${PARTIAL}`, async temporary => {
    const next = await subfolder(temporary, 'next');
    await fill(next);
    const entries = await readdir(next);
    await writeFile(join(next, MARKER), markerText(run, entries));
    await keepAdditions(target, next);
    await rename(target, join(temporary, 'old')).catch(ignoreMissing);
    await rename(next, target);
  });
}

async function keepAdditions(target: string, next: string): Promise<void> {
  const names = await entriesOf(target);
  if (!names.includes(MARKER)) return;
  const { entries } = readMarker(await readFile(join(target, MARKER), 'utf8'));
  const added = names.filter(name => name !== MARKER && !entries.includes(name));
  for (const name of added) await rename(join(target, name), join(next, name));
}

const entriesOf = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: Error) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw errors.outputUnusable(folder, hasCode(error, 'ENOTDIR') ? 'is a file' : error.message);
  });

const ignoreMissing = (error: unknown): void => {
  if (!hasCode(error, 'ENOENT')) throw error;
};
