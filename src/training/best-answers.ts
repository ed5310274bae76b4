import * as tf from '@tensorflow/tfjs-core';
import type { InputSpec } from '../graph/program.js';
import type { Answers, Guide } from '../losses/distillation.js';

/** Of the anchors of an image. Of the others a teacher says little more than that nothing is there. */
const BEST_SHARE = 0.01;

/** For how many anchors of an image answers are kept. */
export const bestCount = (anchors: number): number => Math.max(1, Math.round(anchors * BEST_SHARE));

/** A teacher's answers for the anchors of each image where its best class scores most, as a program takes and gives them. */
export interface BestAnswers {
  /** int32 [batch, k], by falling score. */
  readonly teacher_anchors: tf.Tensor2D;
  /** [batch, k, classes] */
  readonly teacher_logits: tf.Tensor3D;
  /** [batch, k, 4] */
  readonly teacher_deltas: tf.Tensor3D;
}

export const bestAnswersSpecs = ({
  batch,
  anchors,
  numClasses,
}: {
  batch: number;
  anchors: number;
  numClasses: number;
}): Record<keyof BestAnswers, InputSpec> => {
  const kept = bestCount(anchors);
  return {
    teacher_anchors: { shape: [batch, kept], dtype: 'int32' },
    teacher_logits: { shape: [batch, kept, numClasses], dtype: 'float32' },
    teacher_deltas: { shape: [batch, kept, 4], dtype: 'float32' },
  };
};

/** @param all [batch, anchors, …] */
export function bestAnswers({ logits, deltas }: Answers): BestAnswers {
  const { indices } = tf.topk(tf.max(logits, 2), bestCount(logits.shape[1]!));
  return {
    teacher_anchors: indices as tf.Tensor2D,
    teacher_logits: tf.gather(logits, indices, 1, 1) as tf.Tensor3D,
    teacher_deltas: tf.gather(deltas, indices, 1, 1) as tf.Tensor3D,
  };
}

export const guideFrom = ({ teacher_anchors, teacher_logits, teacher_deltas }: BestAnswers): Guide => ({
  anchors: teacher_anchors,
  logits: teacher_logits,
  deltas: teacher_deltas,
});
