import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TrainingHistory } from './training-history.js';
import { MODEL_NAMES } from '../config/families.js';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import { errors } from '../errors/index.js';

/** training.json: beside the tensors, everything that a run needs to go on, and others to know what was trained. */
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
  /** Best evaluation so far. */
  best: z.strictObject({ step: z.int(), metrics: z.record(z.string(), z.number()) }).nullable(),
  /** Whether the weights that it began with answer beside the branch that teaches online. */
  has_previous: z.boolean().default(false),
  /** Of its convolutions; what `auto` came to stays, wherever the run goes on. */
  precision: z.enum(['float32', 'bfloat16']).default('float32'),
  /** What the distillation weights, or where nothing is distilled the learning rate, are multiplied by. */
  caution: z.number(),
  history: TrainingHistory,
});
export type TrainingState = z.infer<typeof TrainingState>;

export const STATE_FILE = 'training.json';
export const ARCHIVE = 'archive';

export const checkpointPrefix = (folder: string, step: number): string => join(folder, `model.ckpt-${step}`);

/** TensorFlow's own pointer to the newest checkpoint of a folder. */
export async function writeCheckpointPointer(folder: string, step: number): Promise<void> {
  const name = `model.ckpt-${step}`;
  await writeFile(
    join(folder, 'checkpoint'),
    `model_checkpoint_path: "${name}"\nall_model_checkpoint_paths: "${name}"\n`,
  );
}

/** Tensors, pointer and state of a step; the tensors of the step before are removed when these are there. */
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

export async function readState(folder: string): Promise<TrainingState> {
  const file = join(folder, STATE_FILE);
  try {
    return TrainingState.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw errors.checkpointUnreadable(file, cause);
  }
}
