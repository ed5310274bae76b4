import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { iouLoss } from '../../src/losses/iou.js';
import { AUTOML } from '../automl.js';
import { expectParity, largestError } from '../parity.js';

interface Gradients {
  readonly predicted: number[][];
  readonly target: number[][];
  readonly gradients: Readonly<Record<'giou' | 'diou' | 'ciou', readonly number[]>>;
}
// By PyTorch's autograd through torchvision's losses: test/golden/effdet/iou_gradients.py.
const TORCH = JSON.parse(
  readFileSync(new URL('../golden/effdet/iou-gradients.json', import.meta.url), 'utf8'),
) as Gradients;

beforeAll(async () => {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
});

describe.each(['iou', 'giou', 'diou', 'ciou'] as const)('1 − %s', kind => {
  it('equals google/automl: apart, touching, nested, equal, without an area', () => {
    const { predicted, target, losses } = AUTOML.iou;
    const found = tf.tidy(() => iouLoss(tf.tensor2d(predicted), tf.tensor2d(target), kind).dataSync());
    expectParity({
      item: `${kind} loss`,
      reference: 'google/automl iou_utils.py',
      cases: predicted.length,
      error: largestError(found, losses[kind]),
      measure: 'absolute',
      limit: 1e-5,
    });
  });

  it('has no infinite gradient, not even of boxes without an area', () => {
    const { predicted, target } = AUTOML.iou;
    const gradient = tf.tidy(() =>
      tf
        .grad(boxes => tf.sum(iouLoss(boxes, tf.tensor2d(target), kind)))(tf.tensor2d(predicted))
        .dataSync(),
    );
    expect([...gradient].every(Number.isFinite)).toBe(true);
  });
});

describe.each(['giou', 'diou', 'ciou'] as const)('the gradient of 1 − %s', kind => {
  it('equals torchvision', () => {
    const { predicted, target, gradients } = TORCH;
    const found = tf.tidy(() =>
      tf
        .grad(boxes => tf.sum(iouLoss(boxes, tf.tensor2d(target), kind)))(tf.tensor2d(predicted))
        .dataSync(),
    );
    expectParity({
      item: `Gradient of the ${kind} loss`,
      reference: 'torchvision.ops, PyTorch',
      cases: predicted.length,
      error: largestError(found, gradients[kind], 'of the largest value'),
      measure: 'of the largest value',
      limit: 1e-5,
    });
  });
});
