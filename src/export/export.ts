import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../config/families.js';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import type { ModelCard } from '../detection/model-card.js';
import { errors } from '../errors.js';
import { readTfCheckpoint } from '../model/weights/tf-checkpoint.js';
import { z } from 'zod';
import { MODEL_NAMES } from '../config/families.js';
import { writeModel } from './model-folder.js';

export interface ExportOptions {
  /** A training artifact: the best checkpoint of its archive is exported. */
  readonly trainedFolder: string;
  /** [height, width] of the network input; null: as trained. Weights do not depend on it. */
  readonly imageSize: readonly [number, number] | null;
  /** Becomes the model folder. */
  readonly folder: string;
}

/** What is read of training.json. */
const Trained = z.object({
  model_name: z.enum(MODEL_NAMES),
  image_size: z.tuple([z.int(), z.int()]),
  classes: z.array(z.string()),
  aspect_ratios: AspectRatios,
  nms_configs: z.prefault(NmsConfigs, {}),
  best: z.object({ step: z.int(), metrics: z.record(z.string(), z.number()) }),
});

/** The best checkpoint of a training as a model folder. */
export async function exportModel({ trainedFolder, imageSize, folder }: ExportOptions): Promise<ModelCard> {
  const trained = await readTrained(trainedFolder);
  const family = familyOf(trained.model_name);
  const card: ModelCard = {
    model_name: trained.model_name,
    classes: trained.classes,
    image_size: imageSize ? [...imageSize] : trained.image_size,
    anchor_scale: family.anchorScale,
    aspect_ratios: trained.aspect_ratios,
    nms_configs: trained.nms_configs,
    levels: [family.minLevel, family.maxLevel],
    mean: [...family.normalisation.mean],
    std: [...family.normalisation.std],
    step: trained.best.step,
    metrics: trained.best.metrics,
  };
  const weights = await readTfCheckpoint(join(trainedFolder, 'archive', `model.ckpt-${trained.best.step}`));
  await writeModel(folder, { card, weights });
  return card;
}

async function readTrained(folder: string): Promise<z.infer<typeof Trained>> {
  const file = join(folder, 'training.json');
  try {
    return Trained.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw errors.checkpointUnreadable(file, cause);
  }
}
