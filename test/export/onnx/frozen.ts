import * as tf from '@tensorflow/tfjs-core';
import { familyOf, type ModelName } from '../../../src/config/families.js';
import { NmsConfigs } from '../../../src/config/run.js';
import { type ModelCard, modelCard } from '../../../src/formats/model-card.js';
import type { FrozenNetwork } from '../../../src/export/network.js';
import { Program } from '../../../src/graph/execution.js';
import { encodeGraph, inlineGraph } from '../../../src/graph/graph-def.js';
import { prune } from '../../../src/graph/graph.js';
import { ProgramBuilder } from '../../../src/graph/program.js';
import { variableSpecs } from '../../../src/model/efficientdet.js';
import type { Weights } from '../../../src/model/weights/weights.js';
import { goldenValues } from '../../model/golden-weights.js';

/** A model with golden weights: their norms have moving statistics that are not trivial. */
export function goldenModel(
  name: ModelName,
  size: readonly [number, number],
  numClasses = 3,
): { card: ModelCard; weights: Weights } {
  const family = familyOf(name);
  const card = modelCard({
    model_name: name,
    classes: Array.from({ length: numClasses }, (_, i) => `class ${i + 1}`),
    image_size: [...size],
    aspect_ratios: [1, 2, 0.5],
    nms_configs: NmsConfigs.parse({}),
    step: 7,
    metrics: { AP: 0.25 },
  });
  const specs = variableSpecs({ family, numClasses });
  return {
    card,
    weights: new Map(specs.map(spec => [spec.name, { shape: spec.shape, values: goldenValues(spec) }])),
  };
}

export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What TensorFlow answers, channels first. */
export async function runInTensorFlow(
  folder: string,
  { input, outputs }: FrozenNetwork,
  images: tf.Tensor4D,
): Promise<Record<string, Values>> {
  const builder = new ProgramBuilder();
  const fed = builder.graph.placeholder('fed', 'float32', [-1, ...images.shape.slice(1)]);
  const found = inlineGraph(builder.graph, encodeGraph(prune(outputs)), { [input.name]: fed });
  const port = { dtype: 'float32', shape: null } as const;
  builder.graphSignature('network', {
    inputs: { fed: { output: fed, ...port } },
    outputs: Object.fromEntries(outputs.map(({ name }) => [name, { output: found(name)!, ...port }])),
  });
  await builder.write(folder);
  const maps = await new Program(folder).run('network', { fed: images });
  return Object.fromEntries(
    Object.entries(maps).map(([name, map]) => {
      const moved = tf.transpose(map, [0, 3, 1, 2]);
      return [name, { shape: moved.shape, values: moved.dataSync<'float32'>() }];
    }),
  );
}
