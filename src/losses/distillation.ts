import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy, power } from './focal.js';
import { huber } from './huber.js';

/** Logits beyond ±30 and deltas beyond ±10 say nothing more, but could overflow. */
const LOGIT_LIMIT = 30;
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

/** What two teachers say together: logits and deltas, `share` of them the second one's. */
export function blend(first: Answers, second: Answers, share: tf.Scalar): Answers {
  const mix = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.add(a, tf.mul(share, tf.sub(b, a)));
  return { logits: mix(first.logits, second.logits), deltas: mix(first.deltas, second.deltas) };
}

/** The weight that makes anchors count by how much teacher and student differ; nothing flows back through it. */
function emphasis(logits: tf.Tensor, probabilities: tf.Tensor): tf.Tensor {
  const constant = tf.customGrad((x, _save) => {
    const difference = tf.abs(tf.sub(probabilities, tf.sigmoid(x as tf.Tensor)));
    return { value: power(difference, EMPHASIS), gradFunc: dy => tf.zerosLike(dy as tf.Tensor) };
  });
  return constant(logits);
}

/** Quality-focal distillation of the class logits: Σ |p_t − p_s|^1.5 · BCE(z_s, p_t) / N. */
export function softClassLoss(student: Answers, teacher: Answers, normaliser: tf.Scalar): tf.Scalar {
  const probabilities = tf.sigmoid(tf.clipByValue(teacher.logits, -LOGIT_LIMIT, LOGIT_LIMIT));
  const logits = tf.clipByValue(student.logits, -LOGIT_LIMIT, LOGIT_LIMIT);
  return tf.div(
    tf.sum(tf.mul(emphasis(logits, probabilities), crossEntropy(logits, probabilities))),
    normaliser,
  );
}

/** Huber towards the teacher's boxes, weighted by its confidence: Σ w Huber(r_s − r_t) / (4 · max(1, Σ w)). */
export function softBoxLoss(student: Answers, teacher: Answers, delta: number): tf.Scalar {
  const confidence = tf.max(tf.sigmoid(teacher.logits), 2, true);
  const weight = tf.mul(confidence, tf.cast(tf.greater(confidence, CONFIDENT), 'float32'));
  const limit = (deltas: tf.Tensor): tf.Tensor => tf.clipByValue(deltas, -DELTA_LIMIT, DELTA_LIMIT);
  const loss = tf.sum(tf.mul(weight, huber(tf.sub(limit(student.deltas), limit(teacher.deltas)), delta)));
  return tf.div(loss, tf.mul(tf.maximum(tf.sum(weight), 1), 4));
}
