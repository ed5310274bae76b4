import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import { type ModelCard, modelCard, readModelCard } from '../formats/model-card.js';
import { errors } from '../errors/index.js';
import { exists } from '../files/walk.js';
import { readTfCheckpoint } from '../model/weights/tf-checkpoint.js';
import { z } from 'zod';
import { MODEL_NAMES } from '../config/families.js';
import { writeModel } from './model-folder.js';

export interface ExportOptions {
  /** A training artifact: the best checkpoint of its archive is exported; or a model folder. */
  readonly trainedFolder: string;
  /** [height, width] of the network input; null: as trained. Weights do not depend on it. */
  readonly imageSize: readonly [number, number] | null;
  /** Becomes the model folder. */
  readonly folder: string;
}

/** The part of training.json that is read. */
const Trained = z.object({
  model_name: z.enum(MODEL_NAMES),
  image_size: z.tuple([z.int(), z.int()]),
  classes: z.array(z.string()),
  aspect_ratios: AspectRatios,
  nms_configs: z.prefault(NmsConfigs, {}),
  best: z.object({ step: z.int(), metrics: z.record(z.string(), z.number()) }),
});

/** The best checkpoint of a training, or a model for another input size, as a model folder. */
export async function exportModel({ trainedFolder, imageSize, folder }: ExportOptions): Promise<ModelCard> {
  const isModel = !(await exists(join(trainedFolder, 'training.json')));
  const { card, prefix } = isModel
    ? await sourceOfModel(trainedFolder)
    : await sourceOfTraining(trainedFolder);
  const sized = imageSize ? { ...card, image_size: [...imageSize] as [number, number] } : card;
  await writeModel(folder, { card: sized, weights: await readTfCheckpoint(prefix) });
  return sized;
}

interface Source {
  readonly card: ModelCard;
  /** The prefix of the checkpoint with the weights. */
  readonly prefix: string;
}

const sourceOfModel = async (folder: string): Promise<Source> => ({
  card: await readModelCard(folder),
  prefix: join(folder, 'variables', 'variables'),
});

async function sourceOfTraining(folder: string): Promise<Source> {
  const { best, ...rest } = await readTrained(folder);
  const card = modelCard({ ...rest, step: best.step, metrics: best.metrics });
  return { card, prefix: join(folder, 'archive', `model.ckpt-${best.step}`) };
}

async function readTrained(folder: string): Promise<z.infer<typeof Trained>> {
  const file = join(folder, 'training.json');
  try {
    return Trained.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw errors.checkpointUnreadable(file, cause);
  }
}
