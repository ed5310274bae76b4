import * as tf from '@tensorflow/tfjs-core';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../config/families.js';
import { FROZEN_GRAPH, MODEL_CARD, type ModelCard, ONNX_NETWORK } from '../formats/model-card.js';
import { errors } from '../errors/index.js';
import { Program } from '../graph/execution.js';
import { prune } from '../graph/graph.js';
import { encodeGraph } from '../graph/graph-def.js';
import { ProgramBuilder } from '../graph/program.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import type { VariableSpec } from '../graph/variables.js';
import { variableSpecs } from '../model/efficientdet.js';
import type { Weights } from '../model/weights/weights.js';
import { writeModelArtsFiles } from './modelarts/package.js';
import { frozenNetwork, servingProgram } from './network.js';
import { onnxNetwork } from './onnx/network.js';

interface Model {
  readonly card: ModelCard;
  /** The values of every variable. */
  readonly weights: Weights;
}

/** Writes model.json, frozen_graph.pb, network.onnx, saved_model.pb, variables/ and ModelArts' files into an empty folder. */
export async function writeModel(folder: string, { card, weights }: Model): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, MODEL_CARD), `${JSON.stringify(card, null, 2)}\n`);
  await writeModelArtsFiles(folder, card);
  const network = frozenNetwork(card, weights);
  await writeFile(join(folder, FROZEN_GRAPH), encodeGraph(prune(network.outputs)));
  await writeFile(join(folder, ONNX_NETWORK), onnxNetwork(network, card));
  await servingProgram(card).write(folder);
  await writeVariables(folder, { card, weights });
}

/** Writes variables/ as TensorFlow's own saver does. */
async function writeVariables(folder: string, { card, weights }: Model): Promise<void> {
  const specs = variableSpecs({ family: familyOf(card.model_name), numClasses: card.classes.length });
  await withVariables(`${folder}.writer`, specs, async program => {
    const values = Object.fromEntries(
      specs.map(({ name, shape }) => {
        const found = weights.get(name);
        if (!found) throw errors.weightMissing(name);
        return [name, tf.tensor(found.values, [...shape])];
      }),
    );
    await program.execute('adopt', values);
    tf.dispose(values);
    await mkdir(join(folder, 'variables'), { recursive: true });
    await program.execute('save', { prefix: tf.scalar(join(folder, 'variables', 'variables'), 'string') });
  });
}

/** The initial values of variables. */
export const freshWeights = (
  folder: string,
  { specs, seed }: { specs: readonly VariableSpec[]; seed: number },
): Promise<Weights> =>
  withVariables(`${folder}.fresh`, specs, async program => {
    await program.execute('initialize', { seed: tf.tensor1d([seed, 0], 'int32') });
    const values = await program.run('values', {});
    const weights = new Map(
      specs.map(({ name, shape }) => [name, { shape, values: values[name]!.dataSync<'float32'>().slice() }]),
    );
    tf.dispose(values);
    return weights;
  });

/** Runs `work` with a program that has only these variables. */
async function withVariables<T>(
  folder: string,
  specs: readonly VariableSpec[],
  work: (program: Program) => Promise<T>,
): Promise<T> {
  const builder = new ProgramBuilder();
  for (const spec of specs) builder.declare(spec);
  builder.addInitialize();
  builder.addAdoption();
  builder.addCheckpointing();
  try {
    await builder.write(folder);
    await loadTensorFlow();
    return await work(new Program(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
