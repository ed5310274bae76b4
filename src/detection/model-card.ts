import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MODEL_NAMES } from '../config/families.js';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import { errors } from '../errors.js';

/** model.json beside an exported model: what its graphs do not say themselves. */
export const ModelCard = z.strictObject({
  model_name: z.enum(MODEL_NAMES),
  classes: z.array(z.string()),
  /** [height, width] of the network input. */
  image_size: z.tuple([z.int(), z.int()]),
  anchor_scale: z.number(),
  aspect_ratios: AspectRatios,
  nms_configs: z.prefault(NmsConfigs, {}),
  levels: z.tuple([z.int(), z.int()]),
  mean: z.array(z.number()),
  std: z.array(z.number()),
  step: z.int(),
  /** On the evaluation split of the data that it was trained on. */
  metrics: z.record(z.string(), z.number()),
});
export type ModelCard = z.infer<typeof ModelCard>;

export const MODEL_CARD = 'model.json';
export const FROZEN_GRAPH = 'frozen_graph.pb';

export async function readModelCard(folder: string): Promise<ModelCard> {
  const file = join(folder, MODEL_CARD);
  try {
    return ModelCard.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw errors.modelUnreadable(file, cause);
  }
}

/** Input and outputs of the frozen graph: raw maps a level, [N, h, w, 9·classes] and [N, h, w, 36]. */
export const FROZEN_INPUT = 'images';
export const frozenOutput = (head: 'class' | 'box', level: number): string => `${head}_predict_${level}`;
