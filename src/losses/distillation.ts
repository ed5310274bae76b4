import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy, power } from './focal.js';
import { huber } from './huber.js';

/** Deltas beyond ±10 carry no further information, but their exponentials could overflow. */
const DELTA_LIMIT = 10;
/** The exponent of |p_t − p_s|. */
const EMPHASIS = 1.5;

/** The outputs of a detector, one row an anchor. */
export interface AnchorOutputs {
  /** [batch, anchors, classes] */
  readonly logits: tf.Tensor;
  /** [batch, anchors, 4] */
  readonly deltas: tf.Tensor;
}

/** The outputs that a student learns to reproduce. */
export interface SoftTargets extends AnchorOutputs {
  /** int32 [batch, k]: the anchors that the targets are for, whose tensors are [batch, k, …]; left out: all anchors in order. */
  readonly anchors?: tf.Tensor2D;
}

/**
 * Gathers the student's values for the anchors of the targets: [batch, anchors, values] → [batch, k, values]. The images are
 * first joined to one table: tfjs differentiates a batched gather by one sum an image.
 */
function gatherTargeted(values: tf.Tensor, { anchors }: SoftTargets): tf.Tensor {
  if (!anchors) return values;
  const [batch, count, size] = values.shape as [number, number, number];
  const starts = tf.tensor2d(
    Int32Array.from({ length: batch }, (_, image) => image * count),
    [batch, 1],
  );
  const rows = tf.reshape(tf.add(anchors, starts), [-1]);
  return tf.reshape(tf.gather(tf.reshape(values, [batch * count, size]), rows), [batch, -1, size]);
}

/** Interpolates linearly between two outputs: `share` is the weight of the second one. */
export function blend(first: AnchorOutputs, second: AnchorOutputs, share: tf.Scalar): AnchorOutputs {
  const mix = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.add(a, tf.mul(share, tf.sub(b, a)));
  return { logits: mix(first.logits, second.logits), deltas: mix(first.deltas, second.deltas) };
}

/**
 * Quality-focal distillation of the class logits: Σ |p_t − p_s|^1.5 · BCE(z_s, p_t) / N, over the targets' anchors. The
 * weight |p_t − p_s|^1.5 is a constant to the gradient, which therefore is weight · (p_s − p_t) / N.
 */
export function softClassLoss(
  student: AnchorOutputs,
  targets: SoftTargets,
  normaliser: tf.Scalar,
): tf.Scalar {
  const total = tf.customGrad((input, save) => {
    const logits = input as tf.Tensor;
    const probabilities = tf.sigmoid(targets.logits);
    (save as tf.GradSaveFunc)([logits, probabilities]);
    const { weight } = distance(logits, probabilities);
    return {
      value: tf.sum(tf.mul(weight, crossEntropy(logits, probabilities))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const { difference, weight: again } = distance(saved[0]!, saved[1]!);
        return tf.mul(tf.mul(again, difference), dy);
      },
    };
  });
  return tf.div(total(gatherTargeted(student.logits, targets)), normaliser);
}

/** The difference between the student's and the target probabilities, and the weight that follows from it. */
function distance(logits: tf.Tensor, probabilities: tf.Tensor): Record<'difference' | 'weight', tf.Tensor> {
  const difference = tf.sub(tf.sigmoid(logits), probabilities);
  return { difference, weight: power(tf.abs(difference), EMPHASIS) };
}

/**
 * Huber loss towards the teacher's boxes, weighted by its confidence w: Σ w Huber(r_s − r_t) / (4 · max(1, Σ w)).
 *
 * @param options delta: where the Huber loss becomes linear; minConfidence: anchors where the teacher's best class scores less are
 * left out
 */
export function softBoxLoss(
  student: AnchorOutputs,
  targets: SoftTargets,
  { delta, minConfidence }: { delta: number; minConfidence: number },
): tf.Scalar {
  const confidence = tf.sigmoid(tf.max(targets.logits, 2, true));
  const weight = tf.mul(confidence, tf.cast(tf.greater(confidence, minConfidence), 'float32'));
  const limit = (deltas: tf.Tensor): tf.Tensor => tf.clipByValue(deltas, -DELTA_LIMIT, DELTA_LIMIT);
  const difference = tf.sub(limit(gatherTargeted(student.deltas, targets)), limit(targets.deltas));
  const loss = tf.sum(tf.mul(weight, huber(difference, delta)));
  return tf.div(loss, tf.mul(tf.maximum(tf.sum(weight), 1), 4));
}
