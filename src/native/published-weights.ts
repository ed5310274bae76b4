import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { x as extract } from 'tar';
import type { BackboneName, ModelName } from '../config/families.js';
import { errors, type ProvideAttempt } from '../errors/index.js';
import { sha256, sha256OfFile } from '../files/hashing.js';
import type { Settings } from '../settings.js';
import { describeFailure } from './network-failure.js';
import { createAtomically } from '../files/atomic.js';
import { subfolder } from '../files/temporary-folder.js';
import { exists } from '../files/walk.js';

/** google/automl's published checkpoints, below DETDISTILL_WEIGHTS_URL, at the paths to which its READMEs link. */
const DETECTORS: Readonly<Partial<Record<ModelName, string>>> = {
  ...archives(['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd7x'], name => [
    `efficientdet-${name}`,
    `efficientdet/coco2/efficientdet-${name}.tar.gz`,
  ]),
  ...archives(['lite0', 'lite1', 'lite2', 'lite3', 'lite3x', 'lite4'], name => [
    `efficientdet-${name}`,
    `efficientdet/coco/efficientdet-${name}.tgz`,
  ]),
};
const BACKBONES: Readonly<Partial<Record<BackboneName, string>>> = {
  ...archives(['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7'], name => [
    `efficientnet-${name}`,
    `efficientnet/ckptsaug/efficientnet-${name}.tar.gz`,
  ]),
  ...archives(['lite0', 'lite1', 'lite2', 'lite3', 'lite4'], name => [
    `efficientnet-${name}`,
    `efficientnet/lite/efficientnet-${name}.tar.gz`,
  ]),
};

function archives(names: readonly string[], row: (name: string) => [string, string]): Record<string, string> {
  return Object.fromEntries(names.map(row));
}

/** The known hashes of published files. */
const SHA256: Readonly<Record<string, string>> = {
  'efficientdet/coco2/efficientdet-d0.tar.gz':
    '74794c937aa1fa2f559c2393d22b251b1f7135a49b108bd0414bc4f4800ca15d',
};

/** A server that has not answered by then counts as unreachable. */
const RESPONSE_MS = 10_000;

type Sources = Pick<Settings, 'cacheFolder' | 'weightsUrls'>;

/** The folder of the published COCO checkpoint of a detector; null: none is published. */
export const provideDetectorWeights = (name: ModelName, sources: Sources): Promise<string | null> =>
  providePublished(DETECTORS[name], sources);

/** The folder of the published ImageNet checkpoint of a backbone; null: none is published. */
export const provideBackboneWeights = (name: BackboneName, sources: Sources): Promise<string | null> =>
  providePublished(BACKBONES[name], sources);

async function providePublished(
  archive: string | undefined,
  { cacheFolder, weightsUrls }: Sources,
): Promise<string | null> {
  if (archive === undefined) return null;
  return provide(archive.replace(ARCHIVES, '').replaceAll('/', '-'), {
    cacheFolder,
    urls: weightsUrls.map(url => `${url.replace(/\/$/, '')}/${archive}`),
    sha256: SHA256[archive],
  });
}

/** Weights at any address, fetched once: the folder of an unpacked archive, or the path of the downloaded file. */
export async function provideWeightsFrom(
  url: string,
  { cacheFolder }: Pick<Sources, 'cacheFolder'>,
): Promise<string> {
  const folder = await provide(sha256(url).slice(0, 16), { cacheFolder, urls: [url] });
  const [first, ...rest] = await readdir(folder);
  return first !== undefined && rest.length === 0 && !ARCHIVES.test(url) ? join(folder, first) : folder;
}

const ARCHIVES = /\.(tar\.gz|tgz|tar)$/;

interface Request {
  readonly cacheFolder: string;
  /** Tried in this order. */
  readonly urls: readonly string[];
  readonly sha256?: string;
}

async function provide(name: string, { cacheFolder, urls, sha256 }: Request): Promise<string> {
  const folder = join(cacheFolder, 'weights', name);
  await createAtomically(folder, {
    isThere: () => exists(folder),
    make: async partial => {
      const attempts: ProvideAttempt[] = [];
      for (const url of urls) {
        try {
          return await fetchInto(await mkdtemp(join(partial, 'try-')), url, sha256);
        } catch (error) {
          attempts.push({ what: url, ...describeFailure(error) });
        }
      }
      throw errors.nativePartUnavailable({
        part: 'published weights',
        attempts,
        byHand: 'set pretrained to the path of a checkpoint',
      });
    },
  });
  return folder;
}

/** Downloads and unpacks. @returns a folder that holds nothing else */
async function fetchInto(folder: string, url: string, expected: string | undefined): Promise<string> {
  const content = await subfolder(folder, 'content');
  const isArchive = ARCHIVES.test(url);
  const file = join(isArchive ? folder : content, basename(new URL(url).pathname) || 'weights');
  await download(url, file);
  if (expected !== undefined && (await sha256OfFile(file)) !== expected)
    throw new Error(`${url} has another hash than the published file`);
  if (isArchive) await extract({ file, cwd: content });
  if ((await readdir(content)).length === 0) throw new Error(`${url} is an empty archive`);
  return content;
}

async function download(url: string, file: string): Promise<void> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error('timed out')), RESPONSE_MS);
  const response = await fetch(url, { signal: controller.signal }).finally(() => clearTimeout(timer));
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
}
