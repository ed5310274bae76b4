import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program } from '../../src/graph/execution.js';
import type { Node, Precision } from '../../src/graph/graph.js';
import { ProgramBuilder } from '../../src/graph/program.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { randomFrom } from '../../src/random.js';

const CHANNELS = 72;
const IMAGE = [2, 6, 5, CHANNELS] as const;
const PIXELS = 2 * 6 * 5;
const [STRIDED_CHANNELS, STRIDED_PIXELS] = [64, 2 * 3 * 3];

/** The root mean square error of rounding to bfloat16, which keeps 8 bits, is at most this share of the value. */
const ROUNDING = 2 ** -8 / Math.sqrt(3);
/**
 * The expected error of a chain of products, as a share of the result's norm. In each product both factors and the result
 * are rounded. Kernels that keep partial sums in bfloat16 round n of them, of half the sum's square on average.
 * @param terms how many products each of the chain's sums has
 */
const errorOf = (...terms: readonly number[]): number =>
  ROUNDING * Math.sqrt(terms.reduce((squares, n) => squares + 3 + n / 2, 0));

const FORWARD = [CHANNELS, 9 * CHANNELS];
/** By output: the loss, then the gradients of the image, of the pointwise filter and of the spatial one. */
const BOUNDS: Readonly<Record<string, number>> = {
  y0: 0.01, // the errors of many squares average out
  y1: errorOf(...FORWARD, 9 * STRIDED_CHANNELS, CHANNELS),
  y2: errorOf(...FORWARD, 9 * STRIDED_CHANNELS, PIXELS),
  y3: errorOf(...FORWARD, STRIDED_PIXELS),
};

/** A pointwise convolution and one of 3 × 3, and what flows back to all that goes in. */
const network = (x: tf.Tensor, pointwise: tf.Tensor, spatial: tf.Tensor): tf.Tensor[] => {
  const loss = (...[image, narrow, wide]: tf.Tensor[]): tf.Tensor => {
    const y = tf.conv2d(image as tf.Tensor4D, narrow as tf.Tensor4D, 1, 'same');
    return tf.sum(tf.square(tf.conv2d(y, wide as tf.Tensor4D, 2, 'same')));
  };
  return [loss(x, pointwise, spatial), ...tf.grads(loss)([x, pointwise, spatial])];
};

describe('convolutions in bfloat16', () => {
  const shapes = {
    x: IMAGE,
    pointwise: [1, 1, CHANNELS, CHANNELS],
    spatial: [3, 3, CHANNELS, STRIDED_CHANNELS],
  } as const;
  const builder = new ProgramBuilder();
  let folder = '';
  const nodesOf = (signature: Precision): Node[] =>
    builder.graph.nodes.filter(({ name }) => name.startsWith(`${signature}/`));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'product-'));
    for (const precision of ['float32', 'bfloat16'] as const) {
      const inputs = Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' as const }]),
      );
      builder.signature(precision, inputs, ({ x, pointwise, spatial }) =>
        builder.graph.withComputeOptions({ precision }, () =>
          Object.fromEntries(network(x!, pointwise!, spatial!).map((y, i) => [`y${i}`, y])),
        ),
      );
    }
    await builder.write(folder);
    await loadTensorFlow();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('give what those in float32 give, to the digits that bfloat16 has', async () => {
    const random = randomFrom('product');
    const feeds = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const size = shape.reduce<number>((a, b) => a * b, 1);
        return [
          name,
          tf.tensor(
            Float32Array.from({ length: size }, () => random.uniform(-1, 1)),
            [...shape],
          ),
        ];
      }),
    );
    const program = new Program(folder);
    const [exact, short] = [await program.run('float32', feeds), await program.run('bfloat16', feeds)];
    const isKept = tf.tensor(Array.from({ length: CHANNELS }, (_, channel) => Number(channel > 0)));
    const lacking = await program.run('float32', { ...feeds, x: tf.mul(feeds.x!, isKept) });
    const errorIn = (outputs: typeof exact, name: string): number => {
      const [a, b] = [exact[name]!, outputs[name]!];
      return tf.div(tf.norm(tf.sub(a, b)), tf.norm(a)).dataSync()[0]!;
    };
    for (const [name, bound] of Object.entries(BOUNDS)) {
      expect(errorIn(short, name), name).toBeLessThan(bound);
      expect(errorIn(short, name), name).toBeGreaterThan(0);
      // One channel of 72 that is left out would be seen.
      expect(errorIn(lacking, name), name).toBeGreaterThan(bound);
    }
  });

  it('convert every factor once, and give float32', () => {
    const converted = nodesOf('bfloat16').filter(({ op }) => op === 'Cast');
    const down = converted.filter(({ attributes }) => 'type' in attributes.DstT! && attributes.DstT.type === 'bfloat16'); // prettier-ignore
    const sources = down.map(({ inputs }) => inputs[0]!.node.name);
    expect(new Set(sources).size).toBe(sources.length);
    const products = nodesOf('bfloat16').filter(({ op }) => /^(Conv2D|MatMul)/.test(op));
    expect(products).toHaveLength(6);
    expect(products.every(({ attributes }) => 'type' in attributes.T! && attributes.T.type === 'bfloat16')).toBe(true); // prettier-ignore
    expect(converted.length - down.length).toBe(products.length);
    expect(nodesOf('float32').some(({ op }) => op === 'Cast')).toBe(false);
  });

  it('stay in float32 where too little is computed for what is converted', () => {
    const few = new ProgramBuilder();
    few.signature('few', { x: { shape: [1, 8, 8, 16], dtype: 'float32' } }, ({ x }) =>
      few.graph.withComputeOptions({ precision: 'bfloat16' }, () => ({
        y: tf.conv2d(x as tf.Tensor4D, tf.ones([1, 1, 16, 24]) as tf.Tensor4D, 1, 'same'),
      })),
    );
    expect(few.graph.nodes.some(({ op }) => op === 'Conv2D')).toBe(true);
    expect(few.graph.nodes.some(({ op }) => op === 'Cast')).toBe(false);
  });
});
