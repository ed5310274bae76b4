import * as tf from '@tensorflow/tfjs-core';
import type { AnchorGrid } from '../../src/detection/anchors.js';
import type { Targets } from '../../src/detection/targets.js';
import type { StepInputs } from '../../src/training/step-inputs.js';

interface Given {
  readonly images: tf.Tensor4D;
  readonly anchors: AnchorGrid;
  /** The targets of every image. */
  readonly targets: Targets;
  readonly step: number;
}

/** The inputs of a step, new ones at every call: the caller disposes them, not the step. */
export function stepInputs({ images, anchors, targets, step }: Given): StepInputs {
  const batch = images.shape[0];
  const ofEach = (values: Float32Array | Int32Array): number[] =>
    Array.from({ length: batch }, () => [...values]).flat();
  return {
    images,
    class_targets: tf.tensor2d(ofEach(targets.classTargets), [batch, anchors.count], 'int32'),
    box_targets: tf.tensor3d(ofEach(targets.boxTargets), [batch, anchors.count, 4]),
    num_positives: tf.fill([batch], targets.numPositives),
    learning_rate: tf.scalar(0.02),
    soft_cls_loss: tf.scalar(2),
    soft_box_loss: tf.scalar(200),
    average_decay: tf.scalar(0.5),
    auxiliary_decay: tf.scalar(0.8),
    previous_share: tf.scalar(0.3),
    seed: tf.tensor1d([1, step], 'int32'),
  };
}
