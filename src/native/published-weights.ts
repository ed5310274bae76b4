import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { x as extract } from 'tar';
import type { BackboneName, ModelName } from '../config/families.js';
import { errors } from '../errors.js';
import type { Settings } from '../settings.js';
import { describeAttempt } from './attempt.js';
import { makeBeside, subfolder } from './beside.js';

/** google/automl's published checkpoints, below DETDISTILL_WEIGHTS_URL: where its READMEs link to. */
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

/** A server that is there answers in this time. */
const ANSWER_MS = 10_000;

type Where = Pick<Settings, 'cacheFolder' | 'weightsUrl'>;

/** The prefix of the published COCO checkpoint of a detector; null: none is published. */
export const provideDetectorWeights = (name: ModelName, where: Where): Promise<string | null> =>
  provide(DETECTORS[name], where);

/** The prefix of the published ImageNet checkpoint of a backbone; null: none is published. */
export const provideBackboneWeights = (name: BackboneName, where: Where): Promise<string | null> =>
  provide(BACKBONES[name], where);

async function provide(
  archive: string | undefined,
  { cacheFolder, weightsUrl }: Where,
): Promise<string | null> {
  if (archive === undefined) return null;
  const folder = join(cacheFolder, 'weights', archive.replace(/\.(tar\.gz|tgz)$/, '').replaceAll('/', '-'));
  await mkdir(join(cacheFolder, 'weights'), { recursive: true });
  const url = `${weightsUrl.replace(/\/$/, '')}/${archive}`;
  await makeBeside(folder, {
    isThere: () => existsSync(folder),
    make: async partial => {
      const file = join(partial, 'archive');
      const unpacked = await subfolder(partial, 'unpacked');
      try {
        await download(url, file);
        await extract({ file, cwd: unpacked });
        await prefixIn(unpacked);
      } catch (error) {
        const attempts = [{ what: url, ...describeAttempt(error) }];
        throw errors.nativePartUnavailable({
          part: 'published weights',
          attempts,
          byHand: 'set pretrained to the path of a checkpoint',
        });
      }
      return unpacked;
    },
  });
  return prefixIn(folder);
}

async function download(url: string, file: string): Promise<void> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error('timed out')), ANSWER_MS);
  const response = await fetch(url, { signal: controller.signal }).finally(() => clearTimeout(timer));
  if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
  await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
}

/** A checkpoint's prefix: its index file without the suffix. */
async function prefixIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const index = entries.find(entry => entry.isFile() && entry.name.endsWith('.index'));
  if (!index) throw new Error('the archive holds no checkpoint');
  return join(index.parentPath, index.name.slice(0, -'.index'.length));
}
