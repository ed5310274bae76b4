import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Data } from '../config/run.js';
import { errors } from '../errors.js';
import { sha256 } from '../hashing.js';
import { mapConcurrently } from '../concurrency.js';

/**
 * What the files of a data set look like from outside: names, sizes, times. Changes when a file does; a copy with new
 * times is cleaned again, but its equal result is then recognised by content.
 */
export async function dataFingerprint({ train, eval: evaluation }: Data): Promise<string> {
  const paths = evaluation === null ? [train] : [train, evaluation];
  return sha256((await Promise.all(paths.map(listing))).join('\n'));
}

async function listing(path: string): Promise<string> {
  const info = await stat(path).catch(() => null);
  if (!info) throw errors.datasetMissing(path);
  if (info.isFile()) return `${path}\t${info.size}\t${info.mtimeMs}`;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
  const lines = await mapConcurrently(files, async file => {
    const { size, mtimeMs } = await stat(file);
    return `${relative(path, file)}\t${size}\t${mtimeMs}`;
  });
  return [path, ...lines].join('\n');
}
