/** [ymin, xmin, ymax, xmax] in pixels: the one box format inside the product; others exist only at readers and writers. */
export type BoxYxyx = readonly [ymin: number, xmin: number, ymax: number, xmax: number];

export const boxHeight = (box: BoxYxyx): number => box[2] - box[0];
export const boxWidth = (box: BoxYxyx): number => box[3] - box[1];
export const boxArea = (box: BoxYxyx): number => Math.max(0, boxHeight(box)) * Math.max(0, boxWidth(box));

export const intersect = (a: BoxYxyx, b: BoxYxyx): BoxYxyx => [
  Math.max(a[0], b[0]),
  Math.max(a[1], b[1]),
  Math.min(a[2], b[2]),
  Math.min(a[3], b[3]),
];

/** Intersection over union; 0 where both areas are 0. */
export function iou(a: BoxYxyx, b: BoxYxyx): number {
  const shared = boxArea(intersect(a, b));
  const union = boxArea(a) + boxArea(b) - shared;
  return union > 0 ? shared / union : 0;
}

/** A box as a data set labels it. */
export interface LabelledBox {
  /** In pixels of the image. */
  readonly box: BoxYxyx;
  readonly label: string;
  readonly crowd: boolean;
  readonly difficult: boolean;
  /** The area of the object's outline, where the data set knows it. */
  readonly area?: number;
}
