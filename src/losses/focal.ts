import * as tf from '@tensorflow/tfjs-core';
import { IGNORED } from '../detection/targets.js';
import { clearRows, gatherByLabel, gatherRows, scatterAddByLabel } from '../graph/ops.js';

/** log(1 + e^x) without overflow; faster than TensorFlow's kernel, although that is a single pass. */
const softplus = (x: tf.Tensor): tf.Tensor => tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));

/** Binary cross-entropy of logits against probabilities, element by element. */
export const crossEntropy = (logits: tf.Tensor, labels: tf.Tensor | number): tf.Tensor =>
  tf.sub(softplus(logits), tf.mul(labels, logits));

/** base^exponent, by products and roots for the usual exponents: a power costs as much as a dozen products. */
export function power(base: tf.Tensor, exponent: number): tf.Tensor {
  if (exponent === 1) return base;
  if (exponent === 1.5) return tf.mul(base, tf.sqrt(base));
  return exponent === 2 ? tf.square(base) : tf.pow(base, exponent);
}

interface FocalOptions {
  readonly alpha: number;
  readonly gamma: number;
  readonly labelSmoothing: number;
}

interface Background {
  readonly gamma: number;
  /** The label of background: 0, or its smoothed value. */
  readonly label: number;
}

function background(x: tf.Tensor, { gamma, label }: Background): Record<'p' | 'focus' | 'loss', tf.Tensor> {
  const p = tf.sigmoid(x);
  const focus = power(p, gamma);
  const entropy = label === 0 ? softplus(x) : crossEntropy(x, label);
  return { p, focus, loss: tf.mul(focus, entropy) };
}

/**
 * The loss of logits x of background, with p = sigmoid(x): L = p^gamma · (softplus(x) − label · x). The loss of an object is the
 * same function of −x.
 */
const lossOf = (x: tf.Tensor, options: Background): tf.Tensor => background(x, options).loss;

/** The derivative of the loss, gamma · (1 − p) · L + p^gamma · (p − label), in the fewest passes over millions of values. */
function slopeOf(x: tf.Tensor, options: Background): tf.Tensor {
  const { p, focus, loss } = background(x, options);
  const pull = tf.mul(loss, options.gamma);
  const slope = tf.add(tf.mul(tf.sub(focus, pull), p), pull);
  return options.label === 0 ? slope : tf.sub(slope, tf.mul(focus, options.label));
}

/**
 * Focal loss, summed and divided by the normaliser (Lin 2017; google/automl `train_lib.py`): the focal weight uses the original
 * labels, the cross-entropy the smoothed ones. Nearly every logit is background, so the loss is computed as if all were, and then
 * corrected for the few that have a label or are ignored.
 * @param logits [batch, anchors, classes]
 * @param classTargets int32 [batch, anchors]: class index, BACKGROUND or IGNORED
 */
export function focalLoss(
  logits: tf.Tensor,
  classTargets: tf.Tensor2D,
  { alpha, gamma, labelSmoothing, normaliser }: FocalOptions & { normaliser: tf.Scalar },
): tf.Scalar {
  const options = { gamma, label: labelSmoothing / 2 };
  const corrected = (asObject: tf.Tensor, asBackground: tf.Tensor): tf.Tensor =>
    tf.sub(tf.mul(asObject, alpha), tf.mul(asBackground, 1 - alpha));
  const total = tf.customGrad((input, save) => {
    const x = input as tf.Tensor;
    (save as tf.GradSaveFunc)([x, classTargets]);
    const objects = gatherByLabel(x, classTargets);
    const correction = corrected(lossOf(tf.neg(objects), options), lossOf(objects, options));
    const ignored = lossOf(gatherRows(x, classTargets, IGNORED), options);
    return {
      value: tf.add(
        tf.mul(tf.sub(tf.sum(lossOf(x, options)), tf.sum(ignored)), 1 - alpha),
        tf.sum(correction),
      ),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [kept, labels] = saved as [tf.Tensor, tf.Tensor2D];
        const keptObjects = gatherByLabel(kept, labels);
        const slopes = corrected(
          tf.neg(slopeOf(tf.neg(keptObjects), options)),
          slopeOf(keptObjects, options),
        );
        const dense = tf.mul(slopeOf(kept, options), tf.mul(dy, 1 - alpha));
        const corrections = tf.mul(slopes, dy) as tf.Tensor1D;
        return clearRows(scatterAddByLabel(dense, labels, corrections), labels, IGNORED);
      },
    };
  });
  return tf.div(total(logits), normaliser);
}
