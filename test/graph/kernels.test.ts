import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program } from '../../src/graph/execution.js';
import { Graph } from '../../src/graph/graph.js';
import {
  clearRows,
  scatterAddByLabel,
  combinedNonMaxSuppression,
  fusedBatchNorm,
  halfSquares,
  gatherByLabel,
  gatherRows,
  resizeNearest,
  statelessUniform,
  swish,
} from '../../src/graph/ops.js';
import { type InputSpec, ProgramBuilder } from '../../src/graph/program.js';
import { recordingBackend } from '../../src/graph/recording-backend.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { iouLoss } from '../../src/losses/iou.js';
import { randomFrom } from '../../src/random.js';

type Build = (inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly build: Build;
  /** Values are drawn from [0.1, 1.1): where the function has no value below. */
  readonly positive?: boolean;
  /** Whether functions that XLA compiles are called, where there are such. */
  readonly useXla?: boolean;
}

const random = randomFrom('kernels');
const dimension = (): number => 2 + random.integer(4);
const image = [2, 5 + random.integer(4), 6 + random.integer(4), 4];
const matrix = [dimension(), dimension()];
const cube = [dimension(), dimension(), dimension()];

const unary = (build: (x: tf.Tensor) => tf.Tensor, positive = false): Case => ({
  shapes: [cube],
  build: ([x]) => build(x!),
  positive,
});
const binary = (build: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, positive = false): Case => ({
  shapes: [cube, [cube[1]!, 1]],
  build: ([a, b]) => build(a!, b!),
  positive,
});
/** A function and its gradient with respect to everything that goes in. */
const withGradient = (
  shapes: readonly (readonly number[])[],
  build: (inputs: tf.Tensor[]) => tf.Tensor,
): Case => ({
  shapes,
  build: inputs => tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.square(build(xs))))(inputs),
});

const as4D = (x: tf.Tensor): tf.Tensor4D => x as tf.Tensor4D;
const as1D = (x: tf.Tensor): tf.Tensor1D => x as tf.Tensor1D;

const unary4D = (build: (x: tf.Tensor4D) => tf.Tensor): Case => ({
  shapes: [image],
  build: ([x]) => build(as4D(x!)),
});
/** Numbers that are the same at every call, in the recording and outside. */
const fixed = (shape: readonly number[], from = 0): tf.Tensor =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + ((7 * i + 3) % 11) / 11),
    [...shape],
  );
const fixedFilter = (shape: readonly number[]): tf.Tensor4D => fixed(shape, -0.5) as tf.Tensor4D;
const constantNorm = (x: tf.Tensor4D): tf.Tensor4D => {
  const channels = (from: number): tf.Tensor1D => as1D(fixed([x.shape[3]], from));
  return tf.batchNorm(x, channels(-0.5), channels(0.2), channels(-1), channels(0.5), 1e-3);
};

/** [-1, 1) → -1, 0, 1, 2 */
const labelsFrom = (x: tf.Tensor): tf.Tensor2D =>
  tf.cast(tf.floor(tf.add(tf.mul(x, 2), 1)), 'int32') as tf.Tensor2D;

const CASES: Record<string, Case> = {
  abs: unary(tf.abs),
  neg: unary(tf.neg),
  exp: unary(tf.exp),
  log: unary(tf.log, true),
  log1p: unary(tf.log1p, true),
  sqrt: unary(tf.sqrt, true),
  rsqrt: unary(tf.rsqrt, true),
  square: unary(tf.square),
  sigmoid: unary(tf.sigmoid),
  tanh: unary(tf.tanh),
  relu: unary(tf.relu),
  relu6: unary(x => tf.relu6(tf.mul(x, 9))),
  softplus: unary(tf.softplus),
  sign: unary(tf.sign),
  floor: unary(x => tf.floor(tf.mul(x, 5))),
  reciprocal: unary(tf.reciprocal, true),
  step: unary(x => tf.step(x, 0.25)),
  clipByValue: unary(x => tf.clipByValue(x, -0.3, 0.2)),
  isFinite: unary(x => tf.cast(tf.isFinite(x), 'float32')),
  'cast to int': unary(x => tf.cast(tf.cast(tf.mul(x, 10), 'int32'), 'float32')),
  swish: unary(x => swish(x)),
  zerosLike: unary(x => tf.zerosLike(x)),
  add: binary(tf.add),
  sub: binary(tf.sub),
  mul: binary(tf.mul),
  div: binary(tf.div, true),
  pow: binary(tf.pow, true),
  maximum: binary(tf.maximum),
  minimum: binary(tf.minimum),
  squaredDifference: binary(tf.squaredDifference),
  greater: binary((a, b) => tf.cast(tf.greater(a, b), 'float32')),
  equal: binary((a, b) => tf.cast(tf.equal(tf.sign(a), tf.sign(b)), 'float32')),
  logicalAnd: binary((a, b) => tf.cast(tf.logicalAnd(tf.greater(a, 0), tf.less(b, 0)), 'float32')),
  where: binary((a, b) => tf.where(tf.greater(a, 0), a, tf.add(tf.zerosLike(a), b))),
  addN: { shapes: [cube, cube, cube], build: tensors => tf.addN(tensors) },
  'sum of all': unary(x => tf.sum(x)),
  'sum of an axis': unary(x => tf.sum(x, 1)),
  'max of an axis, kept': unary(x => tf.max(x, 2, true)),
  'min of an axis': unary(x => tf.min(x, 0)),
  'mean of two axes, kept': unary(x => tf.mean(x, [0, 2], true)),
  prod: unary(x => tf.prod(x, 1)),
  all: unary(x => tf.cast(tf.all(tf.greater(x, -0.9), 1), 'float32')),
  argMax: unary(x => tf.cast(tf.argMax(x, 1), 'float32')),
  softmax: unary(x => tf.softmax(x)),
  topk: { shapes: [[3, 9]], build: ([x]) => tf.topk(x!, 4).values },
  reshape: unary(x => tf.reshape(x, [-1, cube[2]!])),
  expandDims: unary(x => tf.expandDims(x, 1)),
  transpose: unary(x => tf.transpose(x, [2, 0, 1])),
  concat: { shapes: [cube, cube], build: ([a, b]) => tf.concat([a!, b!], 1) },
  stack: { shapes: [matrix, matrix], build: ([a, b]) => tf.stack([a!, b!], 1) },
  unstack: { shapes: [cube], build: ([x]) => tf.unstack(x!, 1) },
  split: { shapes: [[4, 6]], build: ([x]) => tf.split(x!, 3, 1) },
  slice: { shapes: [[5, 6]], build: ([x]) => tf.slice(x!, [1, 2], [3, -1]) },
  pad: { shapes: [matrix], build: ([x]) => tf.pad(x!, [[1, 0], [2, 1]], 0.5) }, // prettier-ignore
  tile: { shapes: [matrix], build: ([x]) => tf.tile(x!, [2, 3]) },
  broadcastTo: { shapes: [[1, 3]], build: ([x]) => tf.broadcastTo(x!, [4, 3]) },
  oneHot: { shapes: [[5]], build: ([x]) => tf.oneHot(tf.cast(tf.mul(x!, 4), 'int32'), 4, 1, 0, 'float32') },
  'gather, gradient': withGradient([[6, 3]], ([x]) => tf.gather(x!, tf.tensor1d([4, 0, 4, 5], 'int32'))),
  gather: { shapes: [cube], build: ([x]) => tf.gather(x!, tf.tensor1d([1, 0, 1], 'int32'), 1) },
  cumsum: unary(x => tf.cumsum(x, 1)),
  matMul: withGradient([[3, 4], [4, 5]], ([a, b]) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D)), // prettier-ignore
  conv2d: withGradient([image, [3, 3, 4, 5]], ([x, w]) => tf.conv2d(as4D(x!), as4D(w!), 2, 'same')),
  depthwiseConv2d: withGradient([image, [5, 5, 4, 1]], ([x, w]) =>
    tf.depthwiseConv2d(as4D(x!), as4D(w!), 2, 'same'),
  ),
  'loss of overlap': withGradient([[6, 4]], ([sides]) => {
    // A corner, and from it a size that is not negative.
    const [corner, size] = tf.split(sides!, 2, 1);
    const boxes = tf.concat([corner!, tf.add(corner!, tf.abs(size!))], 1);
    const labels = tf.tile(tf.tensor2d([[-0.5, -0.4, 0.6, 0.5]]), [6, 1]);
    return tf.addN((['giou', 'ciou'] as const).map(kind => iouLoss(boxes, labels, kind)));
  }),
  maxPool: withGradient([image], ([x]) => tf.maxPool(as4D(x!), 3, 2, 'same')),
  resizeNearest: withGradient([image], ([x]) => resizeNearest(as4D(x!), [11, 9])),
  resizeBilinear: withGradient([image], ([x]) => tf.image.resizeBilinear(as4D(x!), [11, 9])),
  fusedBatchNorm: withGradient([image, [4], [4]], ([x, scale, offset]) => {
    const { y, mean, variance } = fusedBatchNorm(as4D(x!), {
      scale: as1D(scale!),
      offset: as1D(offset!),
      epsilon: 1e-3,
    });
    return tf.concat([tf.reshape(y, [-1]), tf.mul(mean, 0), tf.mul(variance, 0)]);
  }),
  'fusedBatchNorm, moments': { shapes: [image, [4], [4]], build: ([x, scale, offset]) => Object.values(fusedBatchNorm(as4D(x!), { scale: as1D(scale!), offset: as1D(offset!), epsilon: 1e-3 })) as tf.Tensor[] }, // prettier-ignore
  batchNorm: {
    shapes: [image, [4], [4]],
    positive: true,
    build: ([x, mean, variance]) => tf.batchNorm(as4D(x!), as1D(mean!), as1D(variance!)),
  },
  'swish, gradient': withGradient([cube], ([x]) => swish(x!)),
  'relu6, gradient': withGradient([cube], ([x]) => tf.relu6(tf.mul(x!, 9))),
  'sum and mean over axes, gradient': withGradient([image], ([x]) => tf.add(tf.sum(x!, [0, 2]), tf.mean(x!, -2).mean(0))), // prettier-ignore
  'mean that keeps its axes, gradient': withGradient([image], ([x]) => tf.mul(x!, tf.mean(x!, [1, 2], true))),
  'a norm of constants after a convolution': unary4D(x =>
    constantNorm(tf.conv2d(x, fixedFilter([3, 3, 4, 9]), 2, 'same')),
  ),
  'a norm of constants after a bias': unary4D(x =>
    constantNorm(tf.add(tf.conv2d(x, fixedFilter([1, 1, 4, 9]), 1, 'same'), fixed([9]))),
  ),
  'a norm of constants after a bias of one value': unary4D(x =>
    constantNorm(tf.add(tf.conv2d(x, fixedFilter([1, 1, 4, 9]), 1, 'same'), tf.fill([9], 0.25))),
  ),
  'a norm of constants after a filter of one value': unary4D(x =>
    constantNorm(tf.conv2d(x, tf.fill([1, 1, 4, 9], 0.5), 1, 'same')),
  ),
  'a norm of constants after a depthwise convolution': unary4D(x =>
    constantNorm(tf.depthwiseConv2d(x, fixedFilter([3, 3, 4, 1]), 1, 'same')),
  ),
  'a norm of constants after no convolution': unary4D(x => constantNorm(x)),
  'fusedBatchNorm and swish, gradient': withGradient([image, [4], [4]], ([x, scale, offset]) =>
    fusedBatchNorm(as4D(x!), { scale: as1D(scale!), offset: as1D(offset!), epsilon: 1e-3, activation: 'swish' }).y), // prettier-ignore
  halfSquares: { shapes: [cube], build: ([x]) => halfSquares(x!) },
  // About half of the rows have a label; only sums of what is found have a shape that is known.
  gatherByLabel: {
    shapes: [[2, 6, 3], [2, 6]], // prettier-ignore
    build: ([x, y]) => tf.sum(tf.square(gatherByLabel(x!, labelsFrom(y!)))),
  },
  scatterAddByLabel: {
    shapes: [[2, 6, 3], [2, 6]], // prettier-ignore
    build: ([x, y]) => {
      const labels = labelsFrom(y!);
      return scatterAddByLabel(tf.square(x!), labels, tf.mul(gatherByLabel(x!, labels), 3) as tf.Tensor1D);
    },
  },
  'scatterAddByLabel, no label': {
    shapes: [[2, 6, 3]],
    build: ([x]) => {
      const none = tf.fill([2, 6], -1, 'int32') as tf.Tensor2D;
      return scatterAddByLabel(tf.square(x!), none, gatherByLabel(x!, none));
    },
  },
  gatherRows: {
    shapes: [[2, 6, 3], [2, 6]], // prettier-ignore
    build: ([x, y]) => tf.sum(tf.square(gatherRows(x!, labelsFrom(y!), 1))),
  },
  clearRows: {
    shapes: [[2, 6, 3], [2, 6]], // prettier-ignore
    build: ([x, y]) => clearRows(tf.square(x!), labelsFrom(y!), 1),
  },
  'gatherRows and clearRows, no row': {
    shapes: [[2, 6, 3], [2, 6]], // prettier-ignore
    build: ([x, y]) => {
      const labels = labelsFrom(y!);
      return [tf.sum(gatherRows(x!, labels, 9)), clearRows(tf.square(x!), labels, 9)];
    },
  },
  statelessUniform: {
    shapes: [[2]],
    build: ([x]) => tf.add(statelessUniform([3, 4], tf.tensor1d([7, 9], 'int32')), tf.mul(tf.sum(x!), 0)),
  },
  combinedNonMaxSuppression: {
    shapes: [[2, 20, 4], [2, 20, 3]], // prettier-ignore
    positive: true,
    build: ([boxes, scores]) => Object.values(combinedNonMaxSuppression(boxes as tf.Tensor3D, scores as tf.Tensor3D, { maxDetections: 5, scoreThreshold: 0.2, iouThreshold: 0.5 })), // prettier-ignore
  },
};

/** Names of graph nodes have no blanks or commas. */
const signatureOf = (name: string): string => name.replace(/\W+/g, '_');

for (const name of ['swish, gradient', 'fusedBatchNorm and swish, gradient'])
  CASES[`${name}, compiled`] = { ...CASES[name]!, useXla: true };

describe('every recorded kernel', () => {
  let folder = '';
  const builder = new ProgramBuilder();
  const shapes = new Map<string, number[][]>();
  const list = (result: tf.Tensor | tf.Tensor[]): tf.Tensor[] => (Array.isArray(result) ? result : [result]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kernels-'));
    for (const [name, { shapes: inputs, build, useXla = false }] of Object.entries(CASES)) {
      const specs = Object.fromEntries(
        inputs.map((shape, i): [string, InputSpec] => [`x${i}`, { shape, dtype: 'float32' }]),
      );
      builder.signature(signatureOf(name), specs, fed => {
        const outputs = builder.graph.withComputeOptions({ useXla }, () =>
          list(build(inputs.map((_, i) => fed[`x${i}`]!))),
        );
        shapes.set(name, outputs.map(({ shape }) => shape)); // prettier-ignore
        return Object.fromEntries(outputs.map((output, i) => [`y${i}`, output]));
      });
    }
    await builder.write(folder);
    await loadTensorFlow();
    await tf.setBackend('tensorflow');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(Object.entries(CASES))(
    '%s: shape and values equal those of the eager backend',
    async (name, { shapes: inputs, build, positive }) => {
      const draw = randomFrom('values', name);
      const tensors = inputs.map(shape => {
        const size = shape.reduce((a, b) => a * b, 1);
        return tf.tensor(
          Float32Array.from({ length: size }, () => (positive ? 0.1 + draw.next() : draw.uniform(-1, 1))),
          [...shape],
        );
      });
      const eager = list(build(tensors));
      const recorded = await new Program(folder).run(
        signatureOf(name),
        Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor])),
      );
      eager.forEach((expected, i) => {
        const found = recorded[`y${i}`]!;
        expect(found.shape).toEqual(expected.shape);
        expect(shapes.get(name)![i], 'inferred shape').toEqual(expected.shape);
        const [a, b] = [found.dataSync(), expected.dataSync()];
        for (let k = 0; k < b.length; k++)
          expect(Math.abs(a[k]! - b[k]!)).toBeLessThanOrEqual(1e-5 + 1e-4 * Math.abs(b[k]!));
      });
    },
  );
});

describe('what cannot be recorded', () => {
  it('is an error that names the kernel', () => {
    const record = (): unknown =>
      recordingBackend.record(new Graph(), () => tf.erf(tf.tidy(() => tf.linspace(0, 1, 3))).asinh());
    expect(record).toThrow(/kernel \w+ cannot be recorded/);
  });
  it('is a value', () => {
    expect(() => recordingBackend.record(new Graph(), () => tf.add(tf.tensor1d([1]), 1).dataSync())).toThrow(
      /no value while a program is being recorded/,
    );
  });
});
