import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { mapConcurrently } from '../concurrency.js';
import { AppError, errors } from '../errors/index.js';
import type { StageProgress } from '../formats/progress.js';
import type { S3Settings } from '../settings.js';
import { openBucket } from '../store/bucket.js';
import type { StoreDriver } from '../store/driver.js';
import { CONCURRENT_FILES, findFiles } from '../store/folder-files.js';
import { MARKER, markerText, readMarker } from '../formats/run-marker.js';

/** The file that servers of models look for: while it is missing, none of them loads the model. */
const ENTRY_FILE = /(^|\/)saved_model\.pb$/;
/** An object that is written and removed to check the permissions. */
const PROBE = '.detdistill';

/** @throws OUTPUT_UNUSABLE: the address holds objects of somebody else, or cannot be written */
export const assertBucketUsable = (address: string, access: S3Settings): Promise<void> =>
  orUnusable(address, async () => {
    const bucket = openBucket(address, access);
    const keys = (await bucket.list('')).map(({ key }) => key);
    if (keys.length > 0 && !keys.includes(MARKER))
      throw errors.outputUnusable(
        address,
        `holds ${namesOf(keys).slice(0, 3).join(', ')}, which no run put there`,
      );
    await bucket.putBytes(PROBE, new Uint8Array());
    await bucket.remove([PROBE]);
  });

interface Upload {
  readonly run: string;
  /** The local folder that is uploaded. */
  readonly folder: string;
  readonly s3: S3Settings;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

/**
 * Replaces the output of an earlier run at an address; objects that people added stay. A bucket cannot rename folders:
 * the entry file of each model is removed first and uploaded last, and until the end the marker says "not published".
 */
export async function uploadOutput(
  address: string,
  { run, folder, s3: access, signal, onProgress }: Upload,
): Promise<void> {
  await assertBucketUsable(address, access);
  const bucket = openBucket(address, access);
  const before = await keysOfEarlier(bucket);
  const keys = await findFiles(folder);
  const mark = (names: readonly string[], isWhole: boolean): Promise<void> =>
    bucket.putBytes(MARKER, Buffer.from(markerText(run, names, { isWhole })));
  await mark(namesOf([...before, ...keys]), false);
  await bucket.remove(before.filter(key => ENTRY_FILE.test(key)));
  let step = 0;
  const upload = (chosen: readonly string[]): Promise<void> =>
    putFiles(bucket, folder, chosen, {
      signal,
      onPut: () => onProgress?.({ phase: 'upload', step: ++step, totalSteps: keys.length }),
    });
  await upload(keys.filter(key => !ENTRY_FILE.test(key)));
  await upload(keys.filter(key => ENTRY_FILE.test(key)));
  await bucket.remove(before.filter(key => !keys.includes(key)));
  await mark(namesOf(keys), true);
}

/** Adds the files of a folder to an address. */
export const uploadFiles = async (address: string, folder: string, access: S3Settings): Promise<void> =>
  putFiles(openBucket(address, access), folder, await findFiles(folder));

async function putFiles(
  bucket: StoreDriver,
  folder: string,
  keys: readonly string[],
  { signal, onPut }: { signal?: AbortSignal; onPut?: () => void } = {},
): Promise<void> {
  const put = async (key: string): Promise<void> => {
    signal?.throwIfAborted();
    await bucket.putFile(key, join(folder, ...key.split('/')));
    onPut?.();
  };
  await mapConcurrently(keys, put, CONCURRENT_FILES);
}

/** Objects that earlier runs uploaded, including runs that were interrupted. */
async function keysOfEarlier(bucket: StoreDriver): Promise<string[]> {
  const marker = await bucket.read(MARKER);
  if (!marker) return [];
  const { entries } = readMarker(await text(marker));
  const keys = (await bucket.list('')).map(({ key }) => key);
  return keys.filter(key => entries.includes(key.split('/')[0]!));
}

const namesOf = (keys: readonly string[]): string[] =>
  [...new Set(keys.map(key => key.split('/')[0]!))].sort();

async function orUnusable(address: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof AppError ? error : errors.outputUnusable(address, (error as Error).message);
  }
}
