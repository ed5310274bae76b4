import { createWriteStream } from 'node:fs';
import { rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { mapConcurrently } from '../concurrency.js';
import { errors } from '../errors/index.js';
import { PARTIAL, writeFileAtomically } from '../files/atomic.js';
import { filesBelow, statOf } from '../files/walk.js';
import type { StageProgress } from '../formats/progress.js';
import type { S3Settings } from '../settings.js';
import type { StoreDriver, StoredObject } from './driver.js';
import { s3 } from './s3.js';

/** Addresses of object storage: all of them speak S3's protocol. */
const ADDRESS = /^(?:s3|s3a|obs):\/\/([^/]+)\/*(.*)$/;
export const isBucketAddress = (path: string): boolean => ADDRESS.test(path);

export interface Place {
  readonly bucket: string;
  readonly key: string;
}

export function placeOf(address: string): Place {
  const [, bucket, key] = ADDRESS.exec(address)!;
  return { bucket: bucket!, key: key!.replace(/\/+$/, '') };
}

/** The objects below an address; keys are relative to it. */
export function openBucket(address: string, access: S3Settings): StoreDriver {
  const { bucket, key } = placeOf(address);
  return s3(`s3://${[bucket, ...key.split('/').filter(Boolean).map(encodeURIComponent)].join('/')}`, access);
}

/** Whether there is an object at an address. */
export async function hasObject(address: string, access: S3Settings): Promise<boolean> {
  const { bucket, key } = placeOf(address);
  const content = await s3(`s3://${bucket}`, access).read(key);
  content?.destroy();
  return content !== undefined;
}

export interface FetchOptions {
  readonly cacheFolder: string;
  readonly s3: S3Settings;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

/** The objects at an address: the object itself, or all below it. */
async function objectsAt(address: string, access: S3Settings): Promise<StoredObject[]> {
  const { bucket, key } = placeOf(address);
  const below = await s3(`s3://${bucket}`, access).list(key);
  if (below.length > 0) return below;
  const folder = dirname(key);
  const beside = await s3(`s3://${bucket}`, access).list(folder === '.' ? '' : folder);
  const found = beside.filter(object => object.key === key);
  if (found.length === 0) throw errors.datasetMissing(address);
  return found;
}

/** Lists the objects at an address: a line for each with its relative key, size and time. */
export async function listBucket(address: string, access: S3Settings): Promise<string> {
  const { key: root } = placeOf(address);
  return (await objectsAt(address, access))
    .map(({ key, bytes, modified }) => `${key.slice(root.length)}\t${bytes}\t${Math.round(modified)}`)
    .sort()
    .join('\n');
}

/** Copies the objects at an address to this machine and gives the path of the copy; any other path stays as it is. */
export async function fetched(path: string, options: FetchOptions): Promise<string> {
  if (!isBucketAddress(path)) return path;
  const place = placeOf(path);
  const objects = await objectsAt(path, options.s3);
  await fetchObjects(place.bucket, objects, options);
  const here = copyOf(place, options);
  const wanted = objects.map(({ key }) => copyOf({ ...place, key }, options));
  if (!wanted.includes(here)) await removeOthers(here, new Set(wanted));
  return here;
}

/** The path of the copy of an object. */
export const copyOf = ({ bucket, key }: Place, { cacheFolder }: Pick<FetchOptions, 'cacheFolder'>): string =>
  join(cacheFolder, 'data', bucket, key);

/** Fetches the objects that are missing here or have changed: a copy has the size and the time of its object. */
export async function fetchObjects(
  bucket: string,
  objects: readonly StoredObject[],
  { s3: access, signal, onProgress, ...options }: FetchOptions,
): Promise<void> {
  const driver = s3(`s3://${bucket}`, access);
  let done = 0;
  await mapConcurrently(objects, async ({ key, bytes, modified }) => {
    signal?.throwIfAborted();
    const file = copyOf({ bucket, key }, options);
    const known = await statOf(file);
    if (known?.size !== bytes || Math.round(known.mtimeMs) !== Math.round(modified)) {
      const content = await driver.read(key);
      if (!content) throw errors.datasetMissing(`s3://${bucket}/${key}`);
      await writeFileAtomically(file, async partial => {
        await pipeline(content, createWriteStream(partial));
        await utimes(partial, modified / 1000, modified / 1000);
      });
    }
    onProgress?.({ phase: 'fetch', step: ++done, totalSteps: objects.length });
  });
}

/** Removes copies of objects that no longer exist. */
async function removeOthers(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const file of await filesBelow(folder))
    if (!wanted.has(file) && !file.includes(PARTIAL)) await rm(file, { force: true });
}
