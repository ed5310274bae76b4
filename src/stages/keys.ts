import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFingerprint } from '../data/fingerprint.js';
import { sha256, sha256OfFile } from '../files/hashing.js';
import { MODEL_CARD, readModelCard } from '../formats/model-card.js';
import { decisiveFile, pathOfWeights } from '../model/weights/read.js';
import type { Settings } from '../settings.js';
import type { StageIO, StageKind } from './stages.js';
import type { FetchOptions } from '../store/bucket.js';
import { fetchModel } from '../store/fetch-model.js';
import { stageKey } from '../store/stage-key.js';
import { type KeyedInput, STAGE_KINDS } from './stages.js';

/** What inputs that are no artifacts are found with. */
export type KeyOptions = FetchOptions & Pick<Settings, 'home'>;

/** The key under which the result of a stage is stored: stages of one kind with equal keys have equal results. */
export async function keyOf<K extends StageKind>(
  kind: K,
  input: StageIO[K]['input'],
  options: KeyOptions,
): Promise<string> {
  const { version, identity } = STAGE_KINDS[kind];
  const { config, inputs } = identity(input);
  const hashes = Object.entries(inputs).map(async ([name, read]) => [name, await contentHash(read, options)]);
  return stageKey({
    stage: kind,
    implVersion: version,
    config,
    inputs: Object.fromEntries(await Promise.all(hashes)) as Record<string, string>,
  });
}

async function contentHash(input: KeyedInput, options: KeyOptions): Promise<string> {
  if (typeof input === 'string') return input;
  if ('weights' in input) return sha256OfFile(await decisiveFile(pathOfWeights(input.weights, options)));
  if ('dataset' in input) return dataFingerprint(input.dataset, options.s3);
  return modelFingerprint(await fetchModel(input.modelFolder, options));
}

/** Hash of a model folder's card and variables. */
async function modelFingerprint(folder: string): Promise<string> {
  await readModelCard(folder);
  const variables = (await readdir(join(folder, 'variables'))).sort().map(name => join('variables', name));
  const hashes = await Promise.all([MODEL_CARD, ...variables].map(name => sha256OfFile(join(folder, name))));
  return sha256(hashes.join('\n'));
}
