import { join } from 'node:path';
import { type ModelCard, modelCard, readModelCard } from '../formats/model-card.js';
import { errors } from '../errors/index.js';
import { exists } from '../files/walk.js';
import { readTfCheckpoint } from '../model/weights/tf-checkpoint.js';
import { assertFinite } from '../model/weights/weights.js';
import { ARCHIVE, checkpointPrefix, readState, STATE_FILE } from '../formats/training-state.js';
import { writeModel } from './model-folder.js';

export interface ExportOptions {
  /** A training artifact: the best checkpoint of its archive is exported; or a model folder. */
  readonly trainedFolder: string;
  /** [height, width] of the network input; null: as trained. Weights do not depend on it. */
  readonly imageSize: readonly [number, number] | null;
  /** Becomes the model folder. */
  readonly folder: string;
}

/** The best checkpoint of a training, or a model for another input size, as a model folder. */
export async function exportModel({ trainedFolder, imageSize, folder }: ExportOptions): Promise<ModelCard> {
  const isModel = !(await exists(join(trainedFolder, STATE_FILE)));
  const { card, prefix } = isModel
    ? await sourceOfModel(trainedFolder)
    : await sourceOfTraining(trainedFolder);
  const sized = imageSize ? { ...card, image_size: [...imageSize] as [number, number] } : card;
  const weights = await readTfCheckpoint(prefix);
  assertFinite(weights, prefix);
  await writeModel(folder, { card: sized, weights });
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
  const { best, model_name, image_size, classes, aspect_ratios, nms_configs } = await readState(folder);
  if (best === null)
    throw errors.checkpointUnreadable(join(folder, STATE_FILE), new Error('no evaluated step'));
  const card = modelCard({
    ...{ model_name, image_size, classes, aspect_ratios, nms_configs },
    step: best.step,
    metrics: best.metrics,
  });
  return { card, prefix: checkpointPrefix(join(folder, ARCHIVE), best.step) };
}
