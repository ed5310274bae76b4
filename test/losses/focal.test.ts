import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { focalLoss } from '../../src/losses/focal.js';
import { expectGradient } from './gradients.js';

beforeAll(async () => {
  await loadTensorFlow();
});

const LOGITS = [-4, -1.5, -0.2, 0.3, 1, 2.5, -0.7, 0.6];
/** Of the four anchors, the second is background. */
const CLASSES = [1, -1, 0, 1];
const SHAPE = [2, 2, 2];

interface Options {
  readonly alpha: number;
  readonly gamma: number;
  readonly labelSmoothing: number;
}

const loss = (logits: tf.Tensor, options: Options, classes = CLASSES): tf.Scalar =>
  focalLoss(logits, tf.tensor2d(classes, [2, 2], 'int32'), { ...options, normaliser: tf.scalar(3) });

/** The definition, element by element, in double precision. */
function focalByHand({ alpha, gamma, labelSmoothing }: Options, classes = CLASSES): number {
  const terms = LOGITS.map((x, i) => {
    const classTarget = classes[Math.floor(i / 2)]!;
    if (classTarget === -2) return 0;
    const y = classTarget === i % 2 ? 1 : 0;
    const p = 1 / (1 + Math.exp(-x));
    const pt = y * p + (1 - y) * (1 - p);
    const weight = (y * alpha + (1 - y) * (1 - alpha)) * (1 - pt) ** gamma;
    const smooth = y * (1 - labelSmoothing) + labelSmoothing / 2;
    return -weight * (smooth * Math.log(p) + (1 - smooth) * Math.log(1 - p));
  });
  return terms.reduce((a, b) => a + b, 0) / 3;
}

const OPTIONS: [string, Options][] = [
  ['the defaults', { alpha: 0.25, gamma: 1.5, labelSmoothing: 0 }],
  ['label smoothing', { alpha: 0.25, gamma: 1.5, labelSmoothing: 0.1 }],
  ['other weights', { alpha: 0.6, gamma: 2, labelSmoothing: 0.2 }],
  ['no focus', { alpha: 0.5, gamma: 0, labelSmoothing: 0 }],
  ['an odd focus, nothing for background', { alpha: 1, gamma: 1.2, labelSmoothing: 0 }],
];

describe('the focal loss', () => {
  it.each(OPTIONS)('equals its definition: %s', (_, options) => {
    const found = tf.tidy(() => loss(tf.tensor(LOGITS, SHAPE), options).dataSync()[0]!);
    expect(found).toBeCloseTo(focalByHand(options), 5);
  });

  it.each(OPTIONS)('has the gradient that differences give: %s', (_, options) => {
    expectGradient(x => loss(x, options), LOGITS, SHAPE);
  });

  it.each(OPTIONS)('leaves ignored anchors out, loss and gradient: %s', (_, options) => {
    const classes = [1, -2, -1, -2];
    const x = tf.tensor(LOGITS, SHAPE);
    const { value, grad } = tf.valueAndGrad((logits: tf.Tensor) => loss(logits, options, classes))(x);
    expect(value.dataSync()[0]).toBeCloseTo(focalByHand(options, classes), 5);
    const slopes = [...grad.dataSync()];
    expect([2, 3, 6, 7].map(at => slopes[at])).toEqual([0, 0, 0, 0]);
    const asBackground = tf
      .grad((logits: tf.Tensor) => loss(logits, options, [1, -1, -1, -1]))(x)
      .dataSync();
    expect([0, 1, 4, 5].map(at => slopes[at])).toEqual([0, 1, 4, 5].map(at => asBackground[at]));
  });

  it('stays finite, and so does its gradient, at logits that saturate', () => {
    const options = OPTIONS[0]![1];
    const numbers = tf.tidy(() => {
      const x = tf.tensor([-100, -100, 100, 100, -1000, 1000, 1000, -1000], SHAPE);
      const { value, grad } = tf.valueAndGrad((logits: tf.Tensor) => loss(logits, options))(x);
      return [...value.dataSync(), ...grad.dataSync()];
    });
    expect(numbers.length).toBe(9);
    expect(numbers.every(Number.isFinite)).toBe(true);
  });
});
