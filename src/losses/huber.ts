import * as tf from '@tensorflow/tfjs-core';

/** ½e² up to delta, linear beyond; element by element. */
export function huber(error: tf.Tensor, delta: number): tf.Tensor {
  const size = tf.abs(error);
  const quadratic = tf.minimum(size, delta);
  return tf.add(tf.mul(tf.square(quadratic), 0.5), tf.mul(tf.sub(size, quadratic), delta));
}

/**
 * Box regression loss, divided by four times the normaliser. As in the reference, a coordinate counts where its target is not 0.
 * @param deltas, targets [batch, anchors, 4]
 */
export function boxLoss(
  deltas: tf.Tensor,
  targets: tf.Tensor,
  { delta, normaliser }: { delta: number; normaliser: tf.Scalar },
): tf.Scalar {
  const mask = tf.cast(tf.notEqual(targets, 0), 'float32');
  const loss = tf.sum(tf.mul(huber(tf.sub(targets, deltas), delta), mask));
  return tf.div(loss, tf.mul(normaliser, 4));
}
