import * as tf from '@tensorflow/tfjs-core';
import './gradients.js';

/**
 * Operations that tfjs lacks or spells with many nodes. Their kernels are registered for the recording backend
 * (kernels/) and for the eager `tensorflow` backend (eager-kernels.ts), so every function runs both ways.
 */
export const SWISH = 'Swish';
export const SWISH_GRAD = 'SwishGrad';
export const NORMALISED_SWISH_GRAD = 'NormalisedSwishGrad';
export const FUSED_BATCH_NORM = 'FusedBatchNormTraining';
export const FUSED_BATCH_NORM_GRAD = 'FusedBatchNormTrainingGrad';
export const HALF_SQUARES = 'HalfSquares';
export const GATHER_BY_LABEL = 'GatherByLabel';
export const SCATTER_ADD_BY_LABEL = 'ScatterAddByLabel';
export const GATHER_ROWS = 'GatherRows';
export const CLEAR_ROWS = 'ClearRows';
export const STATELESS_UNIFORM = 'StatelessUniform';

/** x · sigmoid(x). */
export function swish<T extends tf.Tensor>(x: T): T {
  return tf.engine().runKernel(SWISH, { x });
}

export interface BatchNorm {
  readonly y: tf.Tensor4D;
  /** The mean over the batch, one value per channel. */
  readonly mean: tf.Tensor1D;
  /** Bessel-corrected (n / (n - 1)), as TensorFlow's fused kernel gives it to the moving statistics. */
  readonly variance: tf.Tensor1D;
}

interface BatchNormOptions {
  readonly scale: tf.Tensor1D;
  readonly offset: tf.Tensor1D;
  readonly epsilon: number;
  /** The function after the norm. With swish, the gradient computes the norm's result again: half the memory. */
  readonly activation?: 'none' | 'swish';
}

/** Training batch normalisation over all but the last dimension: TensorFlow's FusedBatchNormV3. x: [batch, height, width, channels]. */
export function fusedBatchNorm(
  x: tf.Tensor4D,
  { scale, offset, epsilon, activation = 'none' }: BatchNormOptions,
): BatchNorm {
  const [y, mean, variance] = tf
    .engine()
    .runKernel<tf.Tensor[]>(FUSED_BATCH_NORM, { x, scale, offset }, { epsilon, activation });
  return { y: y as tf.Tensor4D, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** Uniform in [0, 1): a pure function of the seed (two int32), so a resumed run repeats the same numbers. */
export function statelessUniform(shape: readonly number[], seed: tf.Tensor1D): tf.Tensor {
  return tf.engine().runKernel(STATELESS_UNIFORM, { seed }, { shape: [...shape] });
}

/** Nearest neighbour to the exact size: index floor(i · in / out), as BiFPN resizes. x: [batch, h, w, channels]. */
export const resizeNearest = (x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D =>
  tf.image.resizeNearestNeighbor(x, [size[0], size[1]]);

/**
 * The values where a row has a label. Recorded, their number is known only when the program runs: element-wise operations and
 * sums over all of them are all that may follow.
 * @param x [batch, rows, classes]
 * @param labels int32 [batch, rows]: the class, less than 0 where there is none
 */
export const gatherByLabel = (x: tf.Tensor, labels: tf.Tensor2D): tf.Tensor1D =>
  tf.engine().runKernel(GATHER_BY_LABEL, { x, labels });

/** Adds values to those that `gatherByLabel` gives. */
export const scatterAddByLabel = <T extends tf.Tensor>(x: T, labels: tf.Tensor2D, values: tf.Tensor1D): T =>
  tf.engine().runKernel(SCATTER_ADD_BY_LABEL, { x, labels, values });

/**
 * The rows that have one label, [found, classes]. Recorded, their number is known only when the program runs, as for
 * `gatherByLabel`.
 * @param x [batch, rows, classes]
 * @param labels int32 [batch, rows]
 */
export const gatherRows = (x: tf.Tensor, labels: tf.Tensor2D, label: number): tf.Tensor2D =>
  tf.engine().runKernel(GATHER_ROWS, { x, labels }, { label });

/** Sets the rows that `gatherRows` gives to 0. */
export const clearRows = <T extends tf.Tensor>(x: T, labels: tf.Tensor2D, label: number): T =>
  tf.engine().runKernel(CLEAR_ROWS, { x, labels }, { label });

/** Σ x² / 2, in one pass. It has no gradient. */
export const halfSquares = (x: tf.Tensor): tf.Scalar => tf.engine().runKernel(HALF_SQUARES, { x });

const swishGrad = (dy: tf.Tensor, x: tf.Tensor): tf.Tensor => tf.engine().runKernel(SWISH_GRAD, { dy, x });

tf.registerGradient({
  kernelName: SWISH,
  inputsToSave: ['x'],
  gradFunc: (dy, [x]) => ({ x: () => swishGrad(dy as tf.Tensor, x!) }),
});

tf.registerGradient({
  kernelName: FUSED_BATCH_NORM,
  inputsToSave: ['x', 'scale', 'offset'],
  // Outputs 3–5 of the kernel are inputs of its gradient.
  outputsToSave: [false, true, true, true, true, true],
  gradFunc: (dys, saved, attributes) => {
    const [x, scale, offset, mean, variance, ...reserved] = saved as unknown as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D,
      ...tf.Tensor[],
    ];
    const { epsilon, activation } = attributes as unknown as Pick<BatchNormOptions, 'epsilon' | 'activation'>;
    let dy = (dys as tf.Tensor[])[0]!;
    if (activation === 'swish') {
      const count = x.size / x.shape[3];
      const biased = tf.mul(variance, (count - 1) / count);
      const inputs = { dy, x, mean, variance: biased, scale, offset };
      dy = tf.engine().runKernel(NORMALISED_SWISH_GRAD, inputs, { epsilon });
    }
    const inputs = { dy, x, scale, reserve1: reserved[0]!, reserve2: reserved[1]!, reserve3: reserved[2]! };
    const gradients = tf.engine().runKernel<tf.Tensor[]>(FUSED_BATCH_NORM_GRAD, inputs, { epsilon });
    return { x: () => gradients[0]!, scale: () => gradients[1]!, offset: () => gradients[2]! };
  },
});

export const COMBINED_NMS = 'CombinedNonMaxSuppression';
export const GROUPED_NMS = 'GroupedNonMaxSuppression';

/**
 * TensorFlow's CombinedNonMaxSuppression over boxes shared by all classes, not clipped.
 * @param boxes [batch, anchors, 4] yxyx
 * @param scores [batch, anchors, classes]
 */
export function combinedNonMaxSuppression(
  boxes: tf.Tensor3D,
  scores: tf.Tensor3D,
  options: { readonly maxDetections: number; readonly scoreThreshold: number; readonly iouThreshold: number },
): { boxes: tf.Tensor3D; scores: tf.Tensor2D; classes: tf.Tensor2D; count: tf.Tensor1D } {
  const shared = tf.expandDims(boxes, 2);
  const [kept, keptScores, classes, count] = tf
    .engine()
    .runKernel<tf.Tensor[]>(COMBINED_NMS, { boxes: shared, scores }, { ...options });
  return {
    boxes: kept as tf.Tensor3D,
    scores: keptScores as tf.Tensor2D,
    classes: classes as tf.Tensor2D,
    count: count as tf.Tensor1D,
  };
}

export interface GroupedNms {
  readonly maxDetections: number;
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
  /** TensorFlow's soft_nms_sigma: 0 suppresses, more lowers scores by exp(-IoU² / 2 sigma). */
  readonly sigma: number;
}

/**
 * TensorFlow's NonMaxSuppressionV5 for every image and group of scores by itself.
 * @param boxes [batch, anchors, 4] yxyx
 * @param scores [batch, groups, anchors]
 * @returns indices int32 [batch, groups, max] and scores [batch, groups, max], by falling score, 0 after the last;
 *   count int32 [batch, groups]
 */
export function groupedNonMaxSuppression(
  boxes: tf.Tensor3D,
  scores: tf.Tensor3D,
  options: GroupedNms,
): { indices: tf.Tensor3D; scores: tf.Tensor3D; count: tf.Tensor2D } {
  const [indices, kept, count] = tf
    .engine()
    .runKernel<tf.Tensor[]>(GROUPED_NMS, { boxes, scores }, { ...options });
  return { indices: indices as tf.Tensor3D, scores: kept as tf.Tensor3D, count: count as tf.Tensor2D };
}
