import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MODEL_NAMES } from '../config/families.js';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import { errors } from '../errors/index.js';
import { CocoMetrics } from './coco-metrics.js';
import { Backoff, TrainingHistory } from './training-history.js';
import { readJsonFile } from './json-file.js';

/** training.json: with the tensors beside it, everything that resuming needs and that describes what was trained. */
export const TrainingState = z.strictObject({
  model_name: z.enum(MODEL_NAMES),
  image_size: z.tuple([z.int(), z.int()]),
  classes: z.array(z.string()),
  role: z.enum(['teacher', 'student']),
  seed: z.int(),
  step: z.int(),
  moving_average_decay: z.number(),
  aspect_ratios: AspectRatios,
  nms_configs: z.prefault(NmsConfigs, {}),
  /** The best evaluation so far, by AP; null: none yet. */
  best: z.strictObject({ step: z.int(), metrics: CocoMetrics }).nullable(),
  /** Whether the initial weights are a previous version, and as such a teacher of online distillation beside the branch. */
  has_previous: z.boolean().default(false),
  /** Precision of the convolutions in training steps. What `auto` was resolved to is kept on resume, also on other hardware. */
  precision: z.enum(['float32', 'bfloat16']).default('float32'),
  backoff: Backoff,
  /** The lowest running mean of each loss so far: the measure of losses that explode. */
  lowest_losses: z.record(z.string(), z.number()),
  /** Moving averages of logged losses, which the weights of distillation follow. */
  loss_averages: z.record(z.string(), z.number()),
  /** The step at which distillation ended because the student had come up to its teacher; null: it has not. */
  taught_until: z.int().nullable(),
  history: TrainingHistory,
});
export type TrainingState = z.infer<typeof TrainingState>;

export const STATE_FILE = 'training.json';
export const ARCHIVE = 'archive';

export const checkpointPrefix = (folder: string, step: number): string => join(folder, `model.ckpt-${step}`);

/** Writes TensorFlow's pointer to the newest checkpoint of a folder. */
export async function writeCheckpointPointer(folder: string, step: number): Promise<void> {
  const name = `model.ckpt-${step}`;
  await writeFile(
    join(folder, 'checkpoint'),
    `model_checkpoint_path: "${name}"\nall_model_checkpoint_paths: "${name}"\n`,
  );
}

/** Writes tensors, pointer and state of a step, and removes the tensors of earlier steps once the new ones exist. */
export async function writeSnapshot(
  folder: string,
  state: TrainingState,
  save: (prefix: string) => Promise<void>,
): Promise<void> {
  await save(checkpointPrefix(folder, state.step));
  for (const name of await readdir(folder)) {
    const step = /^model\.ckpt-(\d+)\./.exec(name)?.[1];
    if (step !== undefined && Number(step) !== state.step) await rm(join(folder, name));
  }
  await writeCheckpointPointer(folder, state.step);
  await writeFile(join(folder, STATE_FILE), `${JSON.stringify(state)}\n`);
}

/** @throws CHECKPOINT_UNREADABLE */
export const readState = (folder: string): Promise<TrainingState> =>
  readJsonFile(join(folder, STATE_FILE), TrainingState, errors.checkpointUnreadable);
