import * as tf from '@tensorflow/tfjs-core';
import type { FrozenNetwork } from '../../../src/export/network.js';
import { Program } from '../../../src/graph/execution.js';
import { encodeGraph, inlineGraph } from '../../../src/graph/graph-def.js';
import { prune } from '../../../src/graph/graph.js';
import { ProgramBuilder } from '../../../src/graph/program.js';

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
