import { relative } from 'node:path';
import { mapConcurrently } from '../concurrency.js';
import type { Data } from '../config/run.js';
import { errors } from '../errors/index.js';
import { sha256 } from '../files/hashing.js';
import type { S3Settings } from '../settings.js';
import { isBucketAddress, listBucket } from '../store/bucket.js';
import { listFiles, statOf } from '../files/walk.js';
import { readDataset } from './readers/index.js';

/**
 * A hash of the names, sizes and modification times (ms) of the files of a data set, which changes when a file does. A copy
 * with new times is cleaned again, but its equal result is then recognised by content.
 */
export async function dataFingerprint(
  { train, eval: evaluation, test, format }: Data,
  access: S3Settings,
): Promise<string> {
  const paths = [train, evaluation, test].filter(path => path !== null);
  return sha256((await Promise.all(paths.map(path => listing(path, format, access)))).join('\n\n'));
}

async function listing(path: string, format: string, access: S3Settings): Promise<string> {
  if (isBucketAddress(path)) return listBucket(path, access);
  const info = await statOf(path);
  if (!info) throw errors.datasetMissing(path);
  const files = info.isDirectory() ? await listFiles(path) : await filesNamedIn(path, format);
  const lines = await mapConcurrently(files, async file => {
    const facts = await statOf(file);
    return `${relative(path, file)}\t${facts ? `${facts.size}\t${Math.round(facts.mtimeMs)}` : 'missing'}`;
  });
  return lines.join('\n');
}

/** The images of a data set that is given as a single label file may lie anywhere. */
async function filesNamedIn(path: string, format: string): Promise<string[]> {
  const { samples } = await readDataset(path, format);
  return [path, ...samples.map(({ image }) => image)];
}
