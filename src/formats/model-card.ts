import { basename, join } from 'node:path';
import { z } from 'zod';
import { familyOf, MODEL_NAMES } from '../config/families.js';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import { errors, firstFew } from '../errors/index.js';
import { exists } from '../files/walk.js';
import { readJsonFile } from './json-file.js';

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

/** A card; what a family decides is taken from it. */
export function modelCard(card: Omit<ModelCard, 'anchor_scale' | 'levels' | 'mean' | 'std'>): ModelCard {
  const { anchorScale, minLevel, maxLevel, normalisation } = familyOf(card.model_name);
  return {
    model_name: card.model_name,
    classes: card.classes,
    image_size: card.image_size,
    anchor_scale: anchorScale,
    aspect_ratios: card.aspect_ratios,
    nms_configs: card.nms_configs,
    levels: [minLevel, maxLevel],
    mean: [...normalisation.mean],
    std: [...normalisation.std],
    step: card.step,
    metrics: card.metrics,
  };
}

export const MODEL_CARD = 'model.json';
export const FROZEN_GRAPH = 'frozen_graph.pb';
export const ONNX_NETWORK = 'network.onnx';

/** Describes the mistake where a model is looked for one level too high or too low; null: it is not there either. */
export async function misplaced(
  folder: string,
  hasCard: (folder: string) => Promise<boolean>,
): Promise<string | null> {
  const [below, above] = [`${folder.replace(/\/+$/, '')}/model`, folder.replace(/\/[^/]+\/*$/, '')];
  if (await hasCard(below)) return `lies above the model: name ${below}`;
  if (await hasCard(above)) return `${basename(folder)} is a part of the model: name ${above}`;
  return null;
}

/** @throws MODEL_UNREADABLE: the folder has no card, or one that is damaged */
export async function readModelCard(folder: string): Promise<ModelCard> {
  const file = join(folder, MODEL_CARD);
  const hasCard = (at: string): Promise<boolean> => exists(join(at, MODEL_CARD));
  const problem = (await hasCard(folder)) ? null : await misplaced(folder, hasCard);
  if (problem !== null) throw errors.modelUnreadable(folder, new Error(problem));
  return readJsonFile(file, ModelCard, errors.modelUnreadable);
}

/** Checks that a teacher predicts the classes that are to be learned, in their order. @param ours null: not known yet */
export function assertSameClasses(theirs: readonly string[], ours: readonly string[] | null): void {
  if (ours === null || theirs.join('\n') === ours.join('\n')) return;
  const [unwanted, unknown] = [without(theirs, ours), without(ours, theirs)];
  const order = `it knows them in the order ${firstFew(theirs)}, the data set in ${firstFew(ours)}`;
  const differences = [
    unwanted.length > 0 && `it knows ${firstFew(unwanted)}, which the data set does not have`,
    unknown.length > 0 && `the data set has ${firstFew(unknown)}, which it does not know`,
  ].filter(Boolean);
  throw errors.teacherUnfit(differences.join('; ') || order, { teacher: theirs, classes: ours });
}

const without = (names: readonly string[], others: readonly string[]): string[] =>
  names.filter(name => !others.includes(name));

/** Input and outputs of the frozen graph: raw maps a level, [N, h, w, 9·classes] and [N, h, w, 36]. */
export const FROZEN_INPUT = 'images';
export const frozenOutput = (head: 'class' | 'box', level: number): string => `${head}_predict_${level}`;
