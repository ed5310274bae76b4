import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BackboneName, BACKBONES, familyOf } from '../../src/config/families.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import type { Initializer } from '../../src/graph/variables.js';
import { backbone } from '../../src/model/backbone.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { batchNorm } from '../../src/model/layers.js';
import { expectParity, largestError } from '../parity.js';
import { EagerVariables, goldenImages, goldenValues } from './golden-weights.js';

interface Golden {
  readonly norm: {
    readonly shape: [number, number, number, number];
    readonly gamma: readonly number[];
    readonly beta: readonly number[];
    readonly images: readonly (readonly number[])[];
    readonly steps: readonly { y: number[]; mean: number[]; variance: number[] }[];
  };
}
// TensorFlow's fused kernel, which moves the statistics itself: training.py.
const GOLDEN = JSON.parse(
  readFileSync(new URL('../golden/tensorflow/training.json', import.meta.url), 'utf8'),
) as Golden;

beforeAll(async () => {
  await loadTensorFlow();
});

describe('a norm in training', () => {
  const VALUES = [1, -2, 4, 0.5, 3, 6, -1, 2];
  const norm = (training: boolean, hasFrozenNorms = false) => {
    const variables = new EagerVariables(({ name }) =>
      Float32Array.of(name.endsWith('gamma') || name.endsWith('variance') ? 1 : 0),
    );
    const context = { variables, training, hasFrozenNorms, activation: 'swish', dropSeed: null } as const;
    const y = tf.tidy(() => [...batchNorm(context, 'bn', tf.tensor4d(VALUES, [2, 2, 2, 1])).dataSync()]);
    const next = (name: string): number | undefined => variables.changed.get(`bn/${name}`)?.dataSync()[0];
    return { y, mean: next('moving_mean'), variance: next('moving_variance') };
  };
  const mean = VALUES.reduce((a, b) => a + b, 0) / 8;
  const squares = VALUES.reduce((sum, value) => sum + (value - mean) ** 2, 0);

  it('normalises with the statistics of the batch', () => {
    const deviation = Math.sqrt(squares / 8 + 1e-3);
    norm(true).y.forEach((value, i) => expect(value).toBeCloseTo((VALUES[i]! - mean) / deviation, 5));
  });

  it('moves its statistics by a hundredth, the variance corrected for the size of the batch', () => {
    const moved = norm(true);
    expect(moved.mean).toBeCloseTo(0.01 * mean, 6);
    expect(moved.variance).toBeCloseTo(0.99 + (0.01 * squares) / 7, 6);
  });

  it.each([
    ['it is not training', false, false],
    ['it is frozen', true, true],
  ])('uses, and leaves, what it remembers when %s', (_, training, isFrozen) => {
    const { y, mean: moved, variance } = norm(training, isFrozen);
    y.forEach((value, i) => expect(value).toBeCloseTo(VALUES[i]! / Math.sqrt(1 + 1e-3), 5));
    expect([moved, variance]).toEqual([undefined, undefined]);
  });
});

describe('a norm in training, five steps on', () => {
  it('equals TensorFlow, and remembers the same statistics', () => {
    const { shape, gamma, beta, images, steps } = GOLDEN.norm;
    const start: Readonly<Record<string, readonly number[]>> = {
      'bn/gamma': gamma,
      'bn/beta': beta,
      'bn/moving_mean': gamma.map(() => 0),
      'bn/moving_variance': gamma.map(() => 1),
    };
    const variables = new EagerVariables(({ name }) => Float32Array.from(start[name]!));
    const context = {
      variables,
      training: true,
      hasFrozenNorms: false,
      activation: 'swish',
      dropSeed: null,
    } as const;
    const errors = steps.map(({ y, mean, variance }, step) => {
      const found = batchNorm(context, 'bn', tf.tensor4d([...images[step]!], shape)).dataSync();
      variables.commit();
      const read = (name: string) => variables.tensors.get(`bn/${name}`)!.dataSync();
      return Math.max(
        largestError(found, y, 'of the largest value'),
        largestError(read('moving_mean'), mean, 'of the largest value'),
        largestError(read('moving_variance'), variance, 'of the largest value'),
      );
    });
    expectParity({
      item: 'Batch norm in training: outputs and moving statistics',
      reference: 'TensorFlow FusedBatchNormV3',
      cases: steps.length,
      error: Math.max(...errors),
      measure: 'of the largest value',
      limit: 1e-5,
    });
  });
});

describe('stochastic depth', () => {
  const variables = new EagerVariables(goldenValues);
  const features = (name: BackboneName, dropSeed: readonly [number, number] | null): number[] =>
    tf.tidy(() => {
      const images = tf.tensor4d(goldenImages(128, 64), [2, 64, 64, 3]);
      const activation = BACKBONES[name].lite ? 'relu6' : 'swish';
      const seed = dropSeed && tf.tensor1d([...dropSeed], 'int32');
      const maps = backbone(
        { variables, training: true, hasFrozenNorms: false, activation, dropSeed: seed },
        name,
        images,
      );
      return [...maps[2]!.dataSync()];
    });

  it('draws the same for the same seed and step, and anew at another step', () => {
    const [first, again, later] = [
      [1, 0],
      [1, 0],
      [1, 1],
    ].map(seed => features('efficientnet-lite0', seed as [number, number]));
    expect(again).toEqual(first);
    expect(later).not.toEqual(first);
  });

  it('is off in B0, as in the reference, and without a seed', () => {
    expect(features('efficientnet-b0', [1, 0])).toEqual(features('efficientnet-b0', null));
    expect(features('efficientnet-lite0', [1, 0])).not.toEqual(features('efficientnet-lite0', null));
  });
});

describe('variables start', () => {
  const specs = variableSpecs({ family: familyOf('efficientdet-d0'), numClasses: 90 });
  const initializerOf = (name: string): Initializer => specs.find(spec => spec.name === name)!.initializer;
  const constant = (value: number): Initializer => ({ kind: 'constant', value });

  it('as the reference draws them: backbone normal by fan out, pyramid uniform, heads truncated', () => {
    expect(initializerOf('efficientnet-b0/stem/conv2d/kernel')).toEqual({
      kind: 'normal',
      std: Math.sqrt(2 / (3 * 3 * 32)),
    });
    expect(initializerOf('efficientnet-b0/blocks_5/depthwise_conv2d/depthwise_kernel')).toEqual({
      kind: 'normal',
      std: Math.sqrt(2 / (3 * 3 * 1)),
    });
    expect(initializerOf('resample_p6/conv2d/kernel')).toEqual({
      kind: 'uniform',
      limit: Math.sqrt(6 / (320 + 64)),
    });
    expect(initializerOf('fpn_cells/cell_1/fnode2/op_after_combine7/conv/depthwise_kernel')).toEqual({
      kind: 'uniform',
      limit: Math.sqrt(6 / (9 * 64 + 9)),
    });
    const truncated = initializerOf('class_net/class-0/pointwise_kernel');
    expect(truncated.kind).toBe('truncated-normal');
    // Of what is left after truncation, the deviation is √(1 / fan in).
    expect('std' in truncated && truncated.std * 0.8796).toBeCloseTo(Math.sqrt(1 / 64), 4);
  });

  it('neutral: norms, biases and fusion weights; a class at probability .01', () => {
    expect(initializerOf('box_net/box-1-bn-5/gamma')).toEqual(constant(1));
    expect(initializerOf('box_net/box-1-bn-5/moving_variance')).toEqual(constant(1));
    expect(initializerOf('box_net/box-1-bn-5/beta')).toEqual(constant(0));
    expect(initializerOf('fpn_cells/cell_0/fnode4/WSM_2')).toEqual(constant(1));
    expect(initializerOf('box_net/box-predict/bias')).toEqual(constant(0));
    const bias = initializerOf('class_net/class-predict/bias');
    expect('value' in bias && 1 / (1 + Math.exp(-bias.value))).toBeCloseTo(0.01, 9);
  });
});
