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

/** A data configuration whose paths are of this machine: what lies in buckets, or what a manifest names there, is fetched. */
export async function localData(data: Data, options: FetchOptions): Promise<Data> {
  const local = async (path: string): Promise<string> => fetchManifest(await fetched(path, options), options);
  return {
    ...data,
    train: await local(data.train),
    eval: data.eval === null ? null : await local(data.eval),
  };
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
    // What is not there stays missing: cleaning names the image or the label.
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
