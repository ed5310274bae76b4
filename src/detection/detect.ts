import * as tf from '@tensorflow/tfjs-core';
import type { NmsConfigs } from '../config/run.js';
import { combinedNonMaxSuppression, groupedNonMaxSuppression } from '../graph/ops.js';
import type { AnchorGrid } from './anchors.js';

export interface DetectionTensors {
  /** [batch, 100, 4]: ymin, xmin, ymax, xmax in pixels of the network input; 0 after the last detection. */
  readonly boxes: tf.Tensor3D;
  /** [batch, 100], in falling order. */
  readonly scores: tf.Tensor2D;
  /** [batch, 100]: class index from 0. */
  readonly classes: tf.Tensor2D;
  /** [batch]: the number of detections. */
  readonly count: tf.Tensor1D;
}

/** [batch, h, w, 9·values] of every level → [batch, anchors, values], in the order of the anchors. */
export function flattenLevels(levels: readonly tf.Tensor4D[], values: number): tf.Tensor3D {
  const flat = levels.map(level => tf.reshape(level, [level.shape[0], -1, values]));
  return tf.concat(flat, 1) as tf.Tensor3D;
}

/** Box deltas [batch, anchors, 4] → boxes yxyx in pixels: the inverse of `encodeBox`. */
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

interface Candidates {
  /** [batch, anchors, 4] yxyx */
  readonly boxes: tf.Tensor3D;
  /** [batch, anchors, classes] */
  readonly scores: tf.Tensor3D;
}

/** Decodes boxes and suppresses overlapping ones as google/automl `postprocess.py`, without clipping, by TensorFlow's kernels. */
export function detect(
  { classLogits, boxDeltas }: { classLogits: readonly tf.Tensor4D[]; boxDeltas: readonly tf.Tensor4D[] },
  { anchors, numClasses, nms }: { anchors: AnchorGrid; numClasses: number; nms: NmsConfigs },
): DetectionTensors {
  const scores = tf.sigmoid(flattenLevels(classLogits, numClasses));
  const boxes = decodeBoxes(flattenLevels(boxDeltas, 4), anchors);
  // One kernel does the most common case.
  if (nms.method === 'hard' && nms.per_class)
    return combinedNonMaxSuppression(boxes, scores, {
      maxDetections: nms.max_output_size,
      scoreThreshold: nms.score_thresh,
      iouThreshold: nms.iou_thresh,
    });
  return nms.per_class ? suppressPerClass({ boxes, scores }, nms) : suppressGlobally({ boxes, scores }, nms);
}

/** Reduces each anchor to its best class and suppresses across classes. */
function suppressGlobally({ boxes, scores }: Candidates, nms: NmsConfigs): DetectionTensors {
  const best = tf.expandDims(tf.max(scores, 2), 1) as tf.Tensor3D;
  const found = groupedNonMaxSuppression(boxes, best, kernelOptions(nms));
  const [anchors, kept] = [tf.squeeze(found.indices, [1]), tf.squeeze(found.scores, [1])];
  // A sum, not a squeeze: a reshape to one dimension would fix the number of images.
  const count = tf.sum(found.count, 1) as tf.Tensor1D;
  const labels = tf.cast(tf.argMax(scores, 2), 'float32');
  return valid({ boxes, anchors, scores: kept, classes: tf.gather(labels, anchors, 1, 1) }, count);
}

/** Suppresses within each class, then selects the best of all classes. */
function suppressPerClass({ boxes, scores }: Candidates, nms: NmsConfigs): DetectionTensors {
  const max = nms.max_output_size;
  const perClass = tf.transpose(bestInputs(scores, nms.max_nms_inputs), [0, 2, 1]) as tf.Tensor3D;
  const found = groupedNonMaxSuppression(boxes, perClass, kernelOptions(nms));
  const [batch, classes] = found.indices.shape;
  const flat = <T extends tf.Tensor>(x: T): tf.Tensor => tf.reshape(x, [batch, classes * max]);
  const top = tf.topk(flat(found.scores), max);
  const label = tf.cast(tf.floorDiv(top.indices, max), 'float32');
  const anchors = tf.gather(flat(found.indices), top.indices, 1, 1);
  const count = tf.minimum(tf.sum(found.count, 1), tf.scalar(max, 'int32')) as tf.Tensor1D;
  return valid({ boxes, anchors, scores: top.values, classes: label }, count);
}

/** Sets all but the `limit` best scores of an image to 0. */
function bestInputs(scores: tf.Tensor3D, limit: number): tf.Tensor3D {
  const [batch, anchors, classes] = scores.shape;
  if (limit === 0 || limit >= anchors * classes) return scores;
  const { values } = tf.topk(tf.reshape(scores, [batch, anchors * classes]), limit);
  const least = tf.reshape(tf.slice(values, [0, limit - 1], [batch, 1]), [batch, 1, 1]);
  return tf.mul(scores, tf.cast(tf.greaterEqual(scores, least), 'float32'));
}

/** The sigma is halved because TensorFlow's kernel weighs by exp(-IoU² / 2 sigma). */
const kernelOptions = (nms: NmsConfigs) => ({
  maxDetections: nms.max_output_size,
  scoreThreshold: nms.score_thresh,
  iouThreshold: nms.iou_thresh,
  sigma: nms.method === 'gaussian' ? nms.sigma / 2 : 0,
});

/** The detections of the selected anchors; everything after the last valid one is set to 0. */
function valid(
  {
    boxes,
    anchors,
    scores,
    classes,
  }: { boxes: tf.Tensor3D; anchors: tf.Tensor; scores: tf.Tensor; classes: tf.Tensor },
  count: tf.Tensor1D,
): DetectionTensors {
  const places = tf.tensor1d(Int32Array.from({ length: scores.shape[1]! }, (_, i) => i));
  const mask = tf.cast(tf.less(places, tf.expandDims(count, 1)), 'float32');
  return {
    boxes: tf.mul(tf.gather(boxes, tf.cast(anchors, 'int32'), 1, 1), tf.expandDims(mask, 2)),
    scores: tf.mul(scores, mask),
    classes: tf.mul(classes, mask),
    count,
  };
}
