import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy, power } from './focal.js';
import { huber } from './huber.js';

/** Deltas beyond ±10 say nothing more, but could overflow. */
const DELTA_LIMIT = 10;
/** Where the teacher sees something at all. */
const CONFIDENT = 0.1;
const EMPHASIS = 1.5;

export interface Answers {
  /** [batch, anchors, classes] */
  readonly logits: tf.Tensor;
  /** [batch, anchors, 4] */
  readonly deltas: tf.Tensor;
}

/** Whom a student is to answer like. */
export interface Guide extends Answers {
  /** int32 [batch, k]: the anchors that the guide answers for, [batch, k, …]; left out: all of them, in their order. */
  readonly anchors?: tf.Tensor2D;
}

/**
 * What the guide has an answer to: [batch, anchors, values] → [batch, k, values]. As rows of one table: tfjs's gradient of a
 * gather with a batch is one sum an image.
 */
function asked(values: tf.Tensor, { anchors }: Guide): tf.Tensor {
  if (!anchors) return values;
  const [batch, count, size] = values.shape as [number, number, number];
  const starts = tf.tensor2d(
    Int32Array.from({ length: batch }, (_, image) => image * count),
    [batch, 1],
  );
  const rows = tf.reshape(tf.add(anchors, starts), [-1]);
  return tf.reshape(tf.gather(tf.reshape(values, [batch * count, size]), rows), [batch, -1, size]);
}

/** What two teachers say together: logits and deltas, `share` of them the second one's. */
export function blend(first: Answers, second: Answers, share: tf.Scalar): Answers {
  const mix = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.add(a, tf.mul(share, tf.sub(b, a)));
  return { logits: mix(first.logits, second.logits), deltas: mix(first.deltas, second.deltas) };
}

/**
 * Quality-focal distillation of the class logits: Σ |p_t − p_s|^1.5 · BCE(z_s, p_t) / N, over the guide's anchors. Nothing flows
 * back through the weight, so that the gradient is weight · (p_s − p_t) / N.
 */
export function softClassLoss(student: Answers, teacher: Guide, normaliser: tf.Scalar): tf.Scalar {
  const total = tf.customGrad((input, save) => {
    const logits = input as tf.Tensor;
    const probabilities = tf.sigmoid(teacher.logits);
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
  return tf.div(total(asked(student.logits, teacher)), normaliser);
}

/** How far a student is from the probabilities it should have, and what an anchor counts for it. */
function distance(logits: tf.Tensor, probabilities: tf.Tensor): Record<'difference' | 'weight', tf.Tensor> {
  const difference = tf.sub(tf.sigmoid(logits), probabilities);
  return { difference, weight: power(tf.abs(difference), EMPHASIS) };
}

/** Huber towards the teacher's boxes, weighted by its confidence: Σ w Huber(r_s − r_t) / (4 · max(1, Σ w)). */
export function softBoxLoss(student: Answers, teacher: Guide, delta: number): tf.Scalar {
  const confidence = tf.sigmoid(tf.max(teacher.logits, 2, true));
  const weight = tf.mul(confidence, tf.cast(tf.greater(confidence, CONFIDENT), 'float32'));
  const limit = (deltas: tf.Tensor): tf.Tensor => tf.clipByValue(deltas, -DELTA_LIMIT, DELTA_LIMIT);
  const difference = tf.sub(limit(asked(student.deltas, teacher)), limit(teacher.deltas));
  const loss = tf.sum(tf.mul(weight, huber(difference, delta)));
  return tf.div(loss, tf.mul(tf.maximum(tf.sum(weight), 1), 4));
}
