import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { boxLoss } from '../../src/losses/huber.js';
import { expectGradient } from './gradients.js';

beforeAll(async () => {
  await loadTensorFlow();
});

const TARGETS = [0.5, 0, -0.3, 1.2, 0, 0, 0, 0];
const DELTAS = [0.55, 3, -0.8, 1.15, 2, -2, 1, 0.1];
const SHAPE = [1, 2, 4];
const loss = (deltas: tf.Tensor): tf.Scalar =>
  boxLoss(deltas, tf.tensor(TARGETS, SHAPE), { delta: 0.1, normaliser: tf.scalar(2) });

describe('the box loss', () => {
  it('is quadratic near, linear far, and blind where a coordinate has no target', () => {
    const found = tf.tidy(() => loss(tf.tensor(DELTAS, SHAPE)).dataSync()[0]!);
    // .5·.05² twice, and .1·.5 − .005 once, over 4 · 2
    expect(found).toBeCloseTo((0.00125 + 0.00125 + 0.045) / 8, 6);
  });

  it('has the gradient that differences give', () => {
    expectGradient(loss, DELTAS, SHAPE);
  });
});
