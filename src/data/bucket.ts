import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { mapConcurrently } from '../concurrency.js';
import type { Data } from '../config/run.js';
import { errors } from '../errors.js';
import { sha256 } from '../hashing.js';
import type { StageProgress } from '../pipeline.js';
import type { StoredObject } from '../store/driver.js';
import { s3 } from '../store/s3.js';
import { statOf } from './files.js';
import { findManifest, locate, readManifest } from './readers/manifest-file.js';

/** Object storage by any of its names: all of them speak S3's protocol. */
const ADDRESS = /^(?:s3|s3a|obs):\/\/([^/]+)\/*(.*)$/;
export const isBucketAddress = (path: string): boolean => ADDRESS.test(path);

interface Place {
  readonly bucket: string;
  readonly key: string;
}

function placeOf(address: string): Place {
  const [, bucket, key] = ADDRESS.exec(address)!;
  return { bucket: bucket!, key: key!.replace(/\/+$/, '') };
}

export interface FetchOptions {
  readonly cacheFolder: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

/** The objects of a bucket that an address means: that one, or all below it. */
async function objectsAt({ bucket, key }: Place, env: NodeJS.ProcessEnv): Promise<StoredObject[]> {
  const below = await s3(`s3://${bucket}`, env).list(key);
  if (below.length > 0) return below;
  const folder = dirname(key);
  const beside = await s3(`s3://${bucket}`, env).list(folder === '.' ? '' : folder);
  return beside.filter(object => object.key === key);
}

/** What lies at an address, as the listing of a folder would say it of its copy here. */
export async function listBucket(address: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const place = placeOf(address);
  const objects = await objectsAt(place, env);
  if (objects.length === 0) throw errors.datasetMissing(address);
  return objects
    .map(({ key, bytes, modified }) => `${key.slice(place.key.length)}\t${bytes}\t${Math.round(modified)}`)
    .sort()
    .join('\n');
}

/** A data configuration whose paths are of this machine: what lies in buckets, or what a manifest names there, is fetched. */
export async function localData(data: Data, options: FetchOptions): Promise<Data> {
  const local = async (path: string): Promise<string> => {
    const here = isBucketAddress(path) ? await fetchTree(path, options) : path;
    return fetchManifest(here, options);
  };
  return {
    ...data,
    train: await local(data.train),
    eval: data.eval === null ? null : await local(data.eval),
  };
}

async function fetchTree(address: string, options: FetchOptions): Promise<string> {
  const place = placeOf(address);
  const objects = await objectsAt(place, options.env ?? process.env);
  if (objects.length === 0) throw errors.datasetMissing(address);
  await fetchAll(place.bucket, objects, options);
  return pathOf(place, options);
}

const pathOf = ({ bucket, key }: Place, { cacheFolder }: FetchOptions): string =>
  join(cacheFolder, 'data', bucket, key);

/** Only what is not here yet, or has changed there: a copy has the size and the time of its object. */
async function fetchAll(
  bucket: string,
  objects: readonly StoredObject[],
  { env = process.env, signal, onProgress, ...options }: FetchOptions,
): Promise<void> {
  const driver = s3(`s3://${bucket}`, env);
  let done = 0;
  await mapConcurrently(objects, async ({ key, bytes, modified }) => {
    signal?.throwIfAborted();
    const file = pathOf({ bucket, key }, options);
    const known = await statOf(file);
    if (known?.size !== bytes || Math.round(known.mtimeMs) !== Math.round(modified)) {
      const content = await driver.read(key);
      if (!content) throw errors.datasetMissing(`s3://${bucket}/${key}`);
      await mkdir(dirname(file), { recursive: true });
      const partial = `${file}.partial-${process.pid}`;
      try {
        await pipeline(content, createWriteStream(partial));
        await utimes(partial, modified / 1000, modified / 1000);
        await rename(partial, file);
      } finally {
        await rm(partial, { force: true });
      }
    }
    onProgress?.({ phase: 'fetch', step: ++done, totalSteps: objects.length });
  });
}

/** A manifest that names objects of buckets becomes one that names their copies here. */
async function fetchManifest(path: string, options: FetchOptions): Promise<string> {
  const file = await findManifest(path).catch(() => null); // whoever reads it says what is wrong
  if (file === null) return path;
  const lines = await readManifest(file);
  const named = lines.flatMap(({ source, annotations }) => [source, ...annotations]).filter(isBucketAddress);
  if (named.length === 0) return path;
  const wanted = new Map<string, Set<string>>();
  for (const { bucket, key } of named.map(placeOf))
    wanted.set(bucket, (wanted.get(bucket) ?? new Set()).add(key));
  for (const [bucket, keys] of wanted) {
    const folders = [...new Set([...keys].map(key => dirname(key)))];
    const driver = s3(`s3://${bucket}`, options.env ?? process.env);
    const listed = await mapConcurrently(folders, folder => driver.list(folder === '.' ? '' : folder));
    const objects = new Map(listed.flat().map(object => [object.key, object]));
    // What is not there stays missing: cleaning names the picture or the label.
    await fetchAll(
      bucket,
      [...keys].flatMap(key => objects.get(key) ?? []),
      options,
    );
  }
  const here = (address: string): string =>
    isBucketAddress(address) ? pathOf(placeOf(address), options) : locate(dirname(file), address);
  const text = lines.map(({ source, usage, annotations }) =>
    JSON.stringify({
      source: here(source),
      ...(usage && { usage }),
      annotation: annotations.map(location => ({ 'annotation-loc': here(location) })),
    }),
  );
  const copy = join(options.cacheFolder, 'data', `${sha256(text.join('\n')).slice(0, 16)}.manifest`);
  await mkdir(dirname(copy), { recursive: true });
  await writeFile(copy, `${text.join('\n')}\n`);
  return copy;
}
