import * as tf from '@tensorflow/tfjs-core';
import type { TrainingBatch } from '../data/batches.js';
import type { InputSpec } from '../graph/program.js';
import { type ByScalar, mapScalars, type StepScalars } from './step-scalars.js';

interface BatchTensors {
  /** [batch, height, width, 3], normalised. */
  readonly images: tf.Tensor4D;
  /** int32 [batch, anchors], -1 for background. */
  readonly class_targets: tf.Tensor2D;
  /** [batch, anchors, 4] */
  readonly box_targets: tf.Tensor3D;
  /** [batch] */
  readonly num_positives: tf.Tensor1D;
  /** int32 [2]: run seed and step. */
  readonly seed: tf.Tensor1D;
}

/** The inputs of a training step: the batch and the scalars. */
export type StepInputs = BatchTensors & ByScalar<tf.Scalar>;

interface StepShape {
  readonly batch: number;
  /** [height, width] */
  readonly imageSize: readonly [number, number];
  /** Anchors of an image. */
  readonly anchors: number;
}

/** Images as the network takes them: [batch, height, width, 3]. */
export const imagesSpec = ({ batch, imageSize: [height, width] }: Omit<StepShape, 'anchors'>) =>
  ({ shape: [batch, height, width, 3], dtype: 'float32' }) as const satisfies InputSpec;

export const stepInputSpecs = ({ batch, imageSize, anchors }: StepShape) =>
  ({
    images: imagesSpec({ batch, imageSize }),
    class_targets: { shape: [batch, anchors], dtype: 'int32' },
    box_targets: { shape: [batch, anchors, 4], dtype: 'float32' },
    num_positives: { shape: [batch], dtype: 'float32' },
    ...mapScalars(() => ({ shape: [], dtype: 'float32' }) as const),
    seed: { shape: [2], dtype: 'int32' },
  }) as const satisfies Record<keyof StepInputs, InputSpec>;

interface StepValues {
  readonly imageSize: readonly [number, number];
  /** The seed of the run. */
  readonly seed: number;
  readonly scalars: StepScalars;
}

/** The tensors to feed for a batch. The caller disposes them. */
export function stepTensors(batch: TrainingBatch, { imageSize, seed, scalars }: StepValues): StepInputs {
  const size = batch.numPositives.length;
  const specs = stepInputSpecs({ batch: size, imageSize, anchors: batch.classTargets.length / size });
  return {
    images: tf.tensor4d(batch.images, [...specs.images.shape]),
    class_targets: tf.tensor2d(batch.classTargets, [...specs.class_targets.shape], 'int32'),
    box_targets: tf.tensor3d(batch.boxTargets, [...specs.box_targets.shape]),
    num_positives: tf.tensor1d(batch.numPositives),
    ...mapScalars(name => tf.scalar(scalars[name])),
    seed: tf.tensor1d([seed, batch.step], 'int32'),
  };
}
