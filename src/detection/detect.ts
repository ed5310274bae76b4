import * as tf from '@tensorflow/tfjs-core';
import { combinedNonMaxSuppression } from '../graph/ops.js';
import type { AnchorGrid } from './anchors.js';

/** What is kept of a picture's answers. */
export interface Selection {
  readonly maxDetections: number;
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
}

/** As COCO evaluation wants it: many, even improbable ones. */
export const SELECTION: Selection = { maxDetections: 100, scoreThreshold: 0.001, iouThreshold: 0.5 };

export interface DetectionTensors {
  /** [batch, 100, 4]: ymin, xmin, ymax, xmax in pixels of the network input; 0 where nothing is. */
  readonly boxes: tf.Tensor3D;
  /** [batch, 100], falling. */
  readonly scores: tf.Tensor2D;
  /** [batch, 100]: class index from 0. */
  readonly classes: tf.Tensor2D;
  /** [batch]: how many are valid. */
  readonly count: tf.Tensor1D;
}

/** [batch, h, w, 9·values] of every level → [batch, anchors, values], in the order of the anchors. */
export function flattenLevels(levels: readonly tf.Tensor4D[], values: number): tf.Tensor3D {
  const flat = levels.map(level => tf.reshape(level, [level.shape[0], -1, values]));
  return tf.concat(flat, 1) as tf.Tensor3D;
}

/** Box deltas [batch, anchors, 4] → boxes yxyx in pixels: the inverse of the box coder. */
export function decodeBoxes(deltas: tf.Tensor3D, { boxes, count }: AnchorGrid): tf.Tensor3D {
  const anchors = tf.tensor2d(boxes, [count, 4]);
  const [ymin, xmin, ymax, xmax] = tf.split(anchors, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const size = tf.concat([tf.sub(ymax, ymin), tf.sub(xmax, xmin)], 1);
  const centre = tf.concat([tf.div(tf.add(ymin, ymax), 2), tf.div(tf.add(xmin, xmax), 2)], 1);
  const [offsets, logSizes] = tf.split(deltas, 2, 2) as [tf.Tensor, tf.Tensor];
  const middle = tf.add(tf.mul(offsets, size), centre);
  const half = tf.div(tf.mul(tf.exp(logSizes), size), 2);
  return tf.concat([tf.sub(middle, half), tf.add(middle, half)], 2) as tf.Tensor3D;
}

/** Decodes, then suppresses class by class (hard, IoU .5): TensorFlow's combined kernel. */
export function detect(
  { classLogits, boxDeltas }: { classLogits: readonly tf.Tensor4D[]; boxDeltas: readonly tf.Tensor4D[] },
  {
    anchors,
    numClasses,
    selection = SELECTION,
  }: { anchors: AnchorGrid; numClasses: number; selection?: Selection },
): DetectionTensors {
  const scores = tf.sigmoid(flattenLevels(classLogits, numClasses));
  const boxes = decodeBoxes(flattenLevels(boxDeltas, 4), anchors);
  return combinedNonMaxSuppression(boxes, scores, selection);
}
