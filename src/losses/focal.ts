import * as tf from '@tensorflow/tfjs-core';

/** log(1 + e^x) without overflow. */
const softplus = (x: tf.Tensor): tf.Tensor => tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));

/** Binary cross-entropy of logits against probabilities, element by element. */
export const crossEntropy = (logits: tf.Tensor, labels: tf.Tensor): tf.Tensor =>
  tf.sub(softplus(logits), tf.mul(labels, logits));

/**
 * Focal loss, summed and divided by the normaliser (Lin 2017; google/automl `train_lib.py`): the weight uses the
 * labels as they are, the cross-entropy the smoothed ones.
 * @param logits [batch, anchors, classes]
 * @param labels the same shape, 0 or 1
 */
export function focalLoss(
  logits: tf.Tensor,
  labels: tf.Tensor,
  {
    alpha,
    gamma,
    labelSmoothing,
    normaliser,
  }: { alpha: number; gamma: number; labelSmoothing: number; normaliser: tf.Scalar },
): tf.Scalar {
  const p = tf.sigmoid(logits);
  // 1 - p_t = |y - p| for labels 0 and 1.
  const missing = tf.add(tf.mul(labels, tf.sub(1, tf.mul(p, 2))), p);
  const balance = tf.add(tf.mul(labels, 2 * alpha - 1), 1 - alpha);
  const smoothed =
    labelSmoothing === 0 ? labels : tf.add(tf.mul(labels, 1 - labelSmoothing), labelSmoothing / 2);
  const weight = tf.mul(balance, tf.pow(missing, gamma));
  return tf.div(tf.sum(tf.mul(weight, crossEntropy(logits, smoothed))), normaliser);
}
