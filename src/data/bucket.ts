import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mapConcurrently } from '../concurrency.js';
import type { Data } from '../config/run.js';
import { sha256 } from '../files/hashing.js';
import {
  copyOf,
  fetched,
  fetchObjects,
  type FetchOptions,
  isBucketAddress,
  placeOf,
} from '../store/bucket.js';
import { s3 } from '../store/s3.js';
import { findManifest } from './readers/find-manifest.js';
import { locate, readManifest } from './readers/manifest-file.js';

/** Fetches data that lies in buckets, and what manifests name there. @returns the configuration with local paths */
export async function localData(data: Data, options: FetchOptions): Promise<Data> {
  const local = async (path: string): Promise<string> => fetchManifest(await fetched(path, options), options);
  return {
    ...data,
    train: await local(data.train),
    eval: data.eval === null ? null : await local(data.eval),
    test: data.test === null ? null : await local(data.test),
  };
}

/** Fetches the objects that a manifest names. @returns a manifest that names the local copies; any other path as it is */
async function fetchManifest(path: string, options: FetchOptions): Promise<string> {
  const file = await findManifest(path).catch(() => null); // the reader reports the problem
  if (file === null) return path;
  const lines = await readManifest(file);
  const named = lines.flatMap(({ source, annotations }) => [source, ...annotations]).filter(isBucketAddress);
  if (named.length === 0) return path;
  const wanted = new Map<string, Set<string>>();
  for (const { bucket, key } of named.map(placeOf))
    wanted.set(bucket, (wanted.get(bucket) ?? new Set()).add(key));
  for (const [bucket, keys] of wanted) {
    const folders = [...new Set([...keys].map(key => dirname(key)))];
    const driver = s3(`s3://${bucket}`, options.s3);
    const listed = await mapConcurrently(folders, folder => driver.list(folder === '.' ? '' : folder));
    const objects = new Map(listed.flat().map(object => [object.key, object]));
    // Missing objects are left out here: cleaning reports the image or the annotation.
    await fetchObjects(
      bucket,
      [...keys].flatMap(key => objects.get(key) ?? []),
      options,
    );
  }
  const here = (address: string): string =>
    isBucketAddress(address) ? copyOf(placeOf(address), options) : locate(dirname(file), address);
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
