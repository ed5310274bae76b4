import * as tf from '@tensorflow/tfjs-core';
import type { Hparams } from '../config/run.js';

export type IouLoss = Exclude<Hparams['iou_loss_type'], 'none'>;

/** The sides of boxes [..., 4] yxyx; a box whose max is below its min has size 0. */
interface Sides {
  readonly ymin: tf.Tensor;
  readonly xmin: tf.Tensor;
  readonly ymax: tf.Tensor;
  readonly xmax: tf.Tensor;
  readonly height: tf.Tensor;
  readonly width: tf.Tensor;
}

function sidesOf(boxes: tf.Tensor): Sides {
  const [ymin, xmin, ymax, xmax] = tf.unstack(boxes, boxes.rank - 1) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  return { ymin, xmin, ymax, xmax, height: extent(ymin, ymax), width: extent(xmin, xmax) };
}

/** Division in which 0 / 0 is 0, as in the reference: for boxes without an area. */
const divideSafely = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.div(a, tf.maximum(b, TINY));
const TINY = 1e-12;

const extent = (low: tf.Tensor, high: tf.Tensor): tf.Tensor => tf.relu(tf.sub(high, low));

/** The value that is subtracted from the IoU; null: none. C is the smallest box around both. */
const PENALTIES: Readonly<
  Record<IouLoss, (pair: { a: Sides; b: Sides; iou: tf.Tensor; union: tf.Tensor }) => tf.Tensor | null>
> = {
  iou: () => null,
  /** (|C| − |A ∪ B|) / |C|: Rezatofighi 2019. */
  giou: ({ a, b, union }) => {
    const { height, width } = enclosing(a, b);
    const area = tf.mul(height, width);
    return divideSafely(tf.sub(area, union), area);
  },
  /** ρ² / c², centre distance by the diagonal of C: Zheng 2020. */
  diou: ({ a, b }) => distance(a, b),
  /** ρ² / c² + α v, with v = 4/π² (atan w/h − atan w′/h′)² and, without a gradient, α = v / (1 − IoU + v). */
  ciou: ({ a, b, iou }) => {
    const difference = tf.sub(shapeAngle(a), shapeAngle(b));
    const v = tf.mul(tf.square(difference), 4 / Math.PI ** 2);
    const alpha = constant(divideSafely(v, tf.add(tf.sub(1, iou), v)));
    return tf.add(distance(a, b), tf.mul(alpha, v));
  },
};

function enclosing(a: Sides, b: Sides): { height: tf.Tensor; width: tf.Tensor } {
  return {
    height: extent(tf.minimum(a.ymin, b.ymin), tf.maximum(a.ymax, b.ymax)),
    width: extent(tf.minimum(a.xmin, b.xmin), tf.maximum(a.xmax, b.xmax)),
  };
}

function distance(a: Sides, b: Sides): tf.Tensor {
  // Twice the distance of the centres: differences of the sums of the sides.
  const dy = tf.sub(tf.add(a.ymin, a.ymax), tf.add(b.ymin, b.ymax));
  const dx = tf.sub(tf.add(a.xmin, a.xmax), tf.add(b.xmin, b.xmax));
  const { height, width } = enclosing(a, b);
  const diagonal = tf.add(tf.square(height), tf.square(width));
  return divideSafely(tf.div(tf.add(tf.square(dy), tf.square(dx)), 4), diagonal);
}

const shapeAngle = ({ height, width }: Sides): tf.Tensor => tf.atan(divideSafely(width, height));

/** The same values, through which no gradient flows. */
const constant = (x: tf.Tensor): tf.Tensor =>
  tf.customGrad((value, _save) => ({
    value: tf.clone(value as tf.Tensor),
    gradFunc: dy => tf.zerosLike(dy as tf.Tensor),
  }))(x);

/**
 * 1 − IoU of each pair of boxes, generalised by `kind`; the values are those of google/automl `iou_utils.py`.
 * @param predicted, target [..., 4] yxyx, in one unit
 * @returns [...]; 0 where the target has no area
 */
export function iouLoss(predicted: tf.Tensor, target: tf.Tensor, kind: IouLoss): tf.Tensor {
  const [a, b] = [sidesOf(predicted), sidesOf(target)];
  const height = extent(tf.maximum(a.ymin, b.ymin), tf.minimum(a.ymax, b.ymax));
  const width = extent(tf.maximum(a.xmin, b.xmin), tf.minimum(a.xmax, b.xmax));
  const shared = tf.mul(height, width);
  const union = tf.sub(tf.add(tf.mul(a.height, a.width), tf.mul(b.height, b.width)), shared);
  const iou = divideSafely(shared, union);
  const penalty = PENALTIES[kind]({ a, b, iou, union });
  const loss = tf.sub(1, iou);
  const hasArea = tf.cast(tf.logicalAnd(tf.greater(b.height, 0), tf.greater(b.width, 0)), 'float32');
  return tf.mul(penalty === null ? loss : tf.add(loss, penalty), hasArea);
}
