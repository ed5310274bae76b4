import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { mapConcurrently } from '../concurrency.js';
import { AppError, errors } from '../errors/index.js';
import { sha256OfFile } from '../files/hashing.js';
import { filesBelow, statOf } from '../files/walk.js';

/** The number of files that are hashed, copied or sent at a time. */
export const CONCURRENT_FILES = 4;

export interface FileEntry {
  /** Relative to the artifact, parts joined by "/". */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A file of the folder that is committed, as it was when it was hashed. */
export interface SourceFile extends FileEntry {
  readonly source: string;
  readonly modified: number;
}

/** Hashes every file below a folder; sorted by path. */
export async function readFolderFiles(folder: string): Promise<SourceFile[]> {
  try {
    const paths = await findFiles(folder);
    if (paths.length === 0) throw errors.storeSourceUnusable(folder, 'a folder without files');
    return await mapConcurrently(paths, path => describe(folder, path), CONCURRENT_FILES);
  } catch (error) {
    throw error instanceof AppError ? error : errors.storeSourceUnreadable(folder, error);
  }
}

/** The files below a folder, relative to it, parts joined by "/", sorted. */
export async function findFiles(folder: string): Promise<string[]> {
  const paths = await filesBelow(folder);
  return paths.map(path => relative(folder, path).split(sep).join('/')).sort();
}

/** A link to a file counts as the file: left out, it would be lost without notice. */
async function describe(folder: string, path: string): Promise<SourceFile> {
  const source = join(folder, ...path.split('/'));
  const before = await stat(source);
  if (!before.isFile()) throw errors.storeSourceUnusable(source, 'neither a file nor a link to one');
  return { path, bytes: before.size, sha256: await sha256OfFile(source), source, modified: before.mtimeMs };
}

/** The stored bytes are the hashed ones only if nobody has written to the file in between. */
export async function assertUnchanged({ source, bytes, modified }: SourceFile): Promise<void> {
  const now = await statOf(source);
  if (now?.size !== bytes || now.mtimeMs !== modified) throw errors.storeSourceChanged(source);
}
