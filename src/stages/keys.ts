import { dataFingerprint } from '../data/fingerprint.js';
import type { AdviseInput, CleanInput, EvaluateInput, ExportInput, TrainInput } from '../formats/stage-io.js';
import type { S3Settings } from '../settings.js';
import { stageKey } from '../store/stage-key.js';
import { IMPL_VERSIONS } from './reuse.js';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256, sha256OfFile } from '../files/hashing.js';
import { MODEL_CARD, readModelCard } from '../formats/model-card.js';

/** What makes two runs of a stage the same: its version, the configuration that it reads, the content of its inputs. */
export const cleanKey = async ({ data, seed }: CleanInput, access: S3Settings): Promise<string> =>
  stageKey({
    stage: 'clean',
    implVersion: IMPL_VERSIONS.clean,
    config: { data, seed },
    inputs: { files: await dataFingerprint(data, access) },
  });

export const trainKey = ({ training, role, mode, seed, dataset, teacher, online }: TrainInput): string => {
  // How often a checkpoint is saved changes nothing in the result.
  const { checkpoint_interval_seconds: _, ...rest } = training;
  const inputs = { dataset: dataset.sha256, ...(teacher && { teacher: teacher.model.sha256 }) };
  return stageKey({
    stage: 'train',
    implVersion: IMPL_VERSIONS.train,
    config: {
      training: rest,
      role,
      mode,
      seed,
      distillation: teacher?.distillation,
      ...(teacher?.views && { teacher_views: teacher.views }),
      ...(online && { online }),
    },
    inputs,
  });
};

export const exportKey = async ({
  trained,
  image_size,
}: Pick<ExportInput, 'trained' | 'image_size'>): Promise<string> =>
  stageKey({
    stage: 'export',
    implVersion: IMPL_VERSIONS.export,
    config: { image_size },
    inputs: { trained: 'folder' in trained ? await modelFingerprint(trained.folder) : trained.sha256 },
  });

export const evaluateKey = ({ model, dataset }: EvaluateInput): string =>
  stageKey({
    stage: 'evaluate',
    implVersion: IMPL_VERSIONS.evaluate,
    config: {},
    inputs: { model: model.sha256, dataset: dataset.sha256 },
  });

export const adviseKey = ({ config, student, teacher }: AdviseInput): string =>
  stageKey({
    stage: 'advise',
    implVersion: IMPL_VERSIONS.advise,
    config,
    inputs: {
      report: student.report.sha256,
      trained: student.trained.sha256,
      ...(teacher && { teacher: teacher.report.sha256 }),
    },
  });

/** Content of a model folder: of its variables and its card. */
export async function modelFingerprint(folder: string): Promise<string> {
  await readModelCard(folder);
  const variables = (await readdir(join(folder, 'variables'))).sort().map(name => join('variables', name));
  const hashes = await Promise.all([MODEL_CARD, ...variables].map(name => sha256OfFile(join(folder, name))));
  return sha256(hashes.join('\n'));
}
