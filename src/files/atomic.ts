import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errors } from '../errors/index.js';
import { withLock } from './lock.js';
import { hasCode } from './system-error.js';
import { subfolder, withTemporaryFolder } from './temporary-folder.js';

/** Marks the names of files and folders that are still being written; a killed process may leave some behind. */
export const PARTIAL = '.partial-';

/**
 * Writes a file under a temporary name and renames it: readers see the earlier file, none, or the whole one. The content
 * is not flushed to the disk, so a power cut may lose it.
 * @param content the bytes, or a function that writes to the path that it gets
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | ((partial: string) => Promise<void>),
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}${PARTIAL}${randomUUID()}`;
  try {
    await (typeof content === 'function' ? content(partial) : writeFile(partial, content));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/**
 * Fills a folder under a temporary name and renames it when it is whole.
 * @throws OUTPUT_UNUSABLE: there is a file, or a folder that is not empty
 */
export async function fillFolder<T>(path: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(path);
  await assertEmpty(target);
  await mkdir(dirname(target), { recursive: true });
  return withTemporaryFolder(`${target}${PARTIAL}`, async temporary => {
    const folder = await subfolder(temporary, 'content');
    const result = await fill(folder);
    await rename(folder, target); // an empty folder is replaced
    return result;
  });
}

async function assertEmpty(path: string): Promise<void> {
  const names = await readdir(path).catch((error: Error) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw errors.outputUnusable(path, hasCode(error, 'ENOTDIR') ? 'is a file' : error.message);
  });
  if (names.length > 0) throw errors.outputUnusable(path, `holds ${names.length} entries already`);
}

interface Creation {
  /** Whether the file or folder exists and is whole; asked again once the lock is held. */
  readonly isThere: () => boolean | Promise<boolean>;
  /** Returns the path of what is to be moved into place. `folder` is empty at first and is removed in any case. */
  readonly make: (folder: string) => Promise<string>;
}

/**
 * Makes a file or folder that several processes share: one process makes it under a temporary name and renames it, the
 * others wait. What is not whole is replaced.
 */
export async function createAtomically(path: string, { isThere, make }: Creation): Promise<void> {
  if (await isThere()) return;
  await withLock(`${path}.lock`, async () => {
    if (await isThere()) return;
    await removeLeftovers(path);
    await withTemporaryFolder(`${path}${PARTIAL}`, async folder => {
      const made = await make(folder);
      await rm(path, { recursive: true, force: true });
      await rename(made, path);
    });
  });
}

/** Removes what a killed process left. Nobody else is writing while the lock is held. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path));
  const leftovers = names.filter(name => name.startsWith(`${basename(path)}${PARTIAL}`));
  await Promise.all(leftovers.map(name => rm(join(dirname(path), name), { recursive: true, force: true })));
}
