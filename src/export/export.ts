import * as tf from '@tensorflow/tfjs-core';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../config/families.js';
import { AspectRatios, NmsConfigs } from '../config/run.js';
import { FROZEN_GRAPH, MODEL_CARD, type ModelCard } from '../detection/model-card.js';
import { errors } from '../errors.js';
import { Program } from '../graph/execution.js';
import { ProgramBuilder } from '../graph/program.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import { variableSpecs } from '../model/efficientdet.js';
import { readTfCheckpoint } from '../model/weights/tf-checkpoint.js';
import type { Weights } from '../model/weights/weights.js';
import { z } from 'zod';
import { MODEL_NAMES } from '../config/families.js';
import { frozenGraph, servingProgram } from './network.js';

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

/** Writes model.json, index, frozen_graph.pb, saved_model.pb and variables/. */
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
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, MODEL_CARD), `${JSON.stringify(card, null, 2)}\n`);
  await writeFile(
    join(folder, 'index'),
    `${JSON.stringify({ labels_list: card.classes, is_multilabel: false })}\n`,
  );
  await writeFile(join(folder, FROZEN_GRAPH), frozenGraph(card, weights));
  await servingProgram(card).write(folder);
  await writeVariables(folder, { card, weights });
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

/** variables/ as TensorFlow's own saver writes it. */
async function writeVariables(
  folder: string,
  { card, weights }: { card: ModelCard; weights: Weights },
): Promise<void> {
  const specs = variableSpecs({ family: familyOf(card.model_name), numClasses: card.classes.length });
  const builder = new ProgramBuilder();
  for (const spec of specs) builder.declare(spec);
  builder.addAdoption();
  builder.addCheckpointing();
  const writer = `${folder}.writer`;
  try {
    await builder.write(writer);
    await loadTensorFlow();
    const program = new Program(writer);
    const values = Object.fromEntries(
      specs.map(({ name, shape }) => {
        const found = weights.get(name);
        if (!found) throw errors.weightMissing(name);
        return [name, tf.tensor(found.values, [...shape])];
      }),
    );
    await program.execute('adopt', values);
    await mkdir(join(folder, 'variables'), { recursive: true });
    await program.execute('save', { prefix: tf.scalar(join(folder, 'variables', 'variables'), 'string') });
  } finally {
    await rm(writer, { recursive: true, force: true });
  }
}
