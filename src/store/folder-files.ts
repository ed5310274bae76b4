import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { mapConcurrently } from '../concurrency.js';
import { AppError, errors } from '../errors/index.js';
import { sha256OfFile } from '../files/hashing.js';
import { filesBelow, statOf } from '../files/walk.js';

/** Files hashed, copied or sent at a time. */
export const AT_A_TIME = 4;

export interface FileEntry {
  /** Relative to the artifact, parts joined by "/". */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A file as it was when it was hashed. */
export interface SourceFile extends FileEntry {
  readonly source: string;
  readonly modified: number;
}

/** Every file below a folder with its hash, by path. */
export async function readFolderFiles(folder: string): Promise<SourceFile[]> {
  try {
    const paths = await findFiles(folder);
    if (paths.length === 0) throw errors.storeSourceUnusable(folder, 'a folder without files');
    return await mapConcurrently(paths, path => describe(folder, path), AT_A_TIME);
  } catch (error) {
    throw error instanceof AppError ? error : errors.storeSourceUnreadable(folder, error);
  }
}

/** Every file below a folder, relative, parts joined by "/", sorted. */
export async function findFiles(folder: string): Promise<string[]> {
  const paths = await filesBelow(folder);
  return paths.map(path => relative(folder, path).split(sep).join('/')).sort();
}

/** A link to a file counts as the file; left out silently, it would be lost. */
async function describe(folder: string, path: string): Promise<SourceFile> {
  const source = join(folder, ...path.split('/'));
  const before = await stat(source);
  if (!before.isFile()) throw errors.storeSourceUnusable(source, 'neither a file nor a link to one');
  return { path, bytes: before.size, sha256: await sha256OfFile(source), source, modified: before.mtimeMs };
}

/** What was stored is what was hashed only if nobody wrote in between. */
export async function assertUnchanged({ source, bytes, modified }: SourceFile): Promise<void> {
  const now = await statOf(source);
  if (now?.size !== bytes || now.mtimeMs !== modified) throw errors.storeSourceChanged(source);
}
