import * as tf from '@tensorflow/tfjs-core';
import type { InputSpec } from '../graph/program.js';
import type { AnchorOutputs, SoftTargets } from '../losses/distillation.js';

/** The outputs of a teacher that are kept: those for the k anchors of each image where its best class scores highest. */
export interface TeacherOutputs {
  /** [images, k], by falling score. */
  readonly anchors: Int32Array;
  /** [images, k, classes] */
  readonly logits: Float32Array;
  /** [images, k, 4] */
  readonly deltas: Float32Array;
}

/** The same as a program gives and takes it. */
export interface TeacherTensors {
  /** int32 */
  readonly teacher_anchors: tf.Tensor2D;
  readonly teacher_logits: tf.Tensor3D;
  readonly teacher_deltas: tf.Tensor3D;
}

/** Share of an image's anchors whose outputs are kept. For the others a teacher says little more than "background". */
const KEPT_SHARE = 0.01;

/** The number of anchors of an image whose outputs are kept. */
export const keptAnchors = (anchors: number): number => Math.max(1, Math.round(anchors * KEPT_SHARE));

interface TeacherShape {
  readonly batch: number;
  /** Kept anchors of an image. */
  readonly kept: number;
  readonly numClasses: number;
}

export const teacherSpecs = ({ batch, kept, numClasses }: TeacherShape) =>
  ({
    teacher_anchors: { shape: [batch, kept], dtype: 'int32' },
    teacher_logits: { shape: [batch, kept, numClasses], dtype: 'float32' },
    teacher_deltas: { shape: [batch, kept, 4], dtype: 'float32' },
  }) as const satisfies Record<keyof TeacherTensors, InputSpec>;

/** Selects the kept anchors. @param outputs for all anchors: [batch, anchors, …] */
export function keepBest({ logits, deltas }: AnchorOutputs): TeacherTensors {
  const [, anchors] = logits.shape as [number, number, number];
  const { indices } = tf.topk(tf.max(logits, 2), keptAnchors(anchors));
  return {
    teacher_anchors: indices as tf.Tensor2D,
    teacher_logits: tf.gather(logits, indices, 1, 1) as tf.Tensor3D,
    teacher_deltas: tf.gather(deltas, indices, 1, 1) as tf.Tensor3D,
  };
}

export const softTargetsFrom = (fed: TeacherTensors): SoftTargets => ({
  anchors: fed.teacher_anchors,
  logits: fed.teacher_logits,
  deltas: fed.teacher_deltas,
});

/** The tensors to feed. The caller disposes them. */
export function teacherTensors({ anchors, logits, deltas }: TeacherOutputs, images: number): TeacherTensors {
  const kept = anchors.length / images;
  const specs = teacherSpecs({ batch: images, kept, numClasses: logits.length / anchors.length });
  return {
    teacher_anchors: tf.tensor2d(anchors, [...specs.teacher_anchors.shape], 'int32'),
    teacher_logits: tf.tensor3d(logits, [...specs.teacher_logits.shape]),
    teacher_deltas: tf.tensor3d(deltas, [...specs.teacher_deltas.shape]),
  };
}

/** Copies the values of tensors that a program gave. */
export const readTeacherOutputs = (given: TeacherTensors): TeacherOutputs => ({
  anchors: given.teacher_anchors.dataSync<'int32'>().slice(),
  logits: given.teacher_logits.dataSync<'float32'>().slice(),
  deltas: given.teacher_deltas.dataSync<'float32'>().slice(),
});

/** The outputs for each of a number of images. */
export function splitOutputs({ anchors, logits, deltas }: TeacherOutputs, images: number): TeacherOutputs[] {
  const size = (values: ArrayLike<number>): number => values.length / images;
  const part = <T extends Int32Array | Float32Array>(values: T, index: number): T =>
    values.slice(index * size(values), (index + 1) * size(values)) as T;
  return Array.from({ length: images }, (_, i) => ({
    anchors: part(anchors, i),
    logits: part(logits, i),
    deltas: part(deltas, i),
  }));
}

/** The outputs for several images, one after another. */
export function joinOutputs(parts: readonly TeacherOutputs[]): TeacherOutputs {
  const floats = (arrays: readonly Float32Array[]): Float32Array => {
    const joined = new Float32Array(arrays.reduce((length, array) => length + array.length, 0));
    let at = 0;
    for (const array of arrays) {
      joined.set(array, at);
      at += array.length;
    }
    return joined;
  };
  return {
    anchors: Int32Array.from(parts.flatMap(({ anchors }) => [...anchors])),
    logits: floats(parts.map(({ logits }) => logits)),
    deltas: floats(parts.map(({ deltas }) => deltas)),
  };
}
