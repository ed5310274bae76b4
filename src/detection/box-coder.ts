import type { BoxYxyx } from '../boxes.js';

/** Sizes are floored before the logarithm. */
const TINY = 1e-8;

interface Encoding {
  /** [anchors, 4] yxyx. */
  readonly anchors: Float32Array;
  readonly index: number;
  /** [anchors, 4], receives ty, tx, th, tw. */
  readonly into: Float32Array;
}

/** ty, tx: centre offsets in anchor sizes; th, tw: logarithms of size ratios. No variances. */
export function encodeBox([ymin, xmin, ymax, xmax]: BoxYxyx, { anchors, index, into }: Encoding): void {
  const at = index * 4;
  const height = Math.max(TINY, ymax - ymin);
  const width = Math.max(TINY, xmax - xmin);
  const anchorHeight = Math.max(TINY, anchors[at + 2]! - anchors[at]!);
  const anchorWidth = Math.max(TINY, anchors[at + 3]! - anchors[at + 1]!);
  into[at] = ((ymin + ymax) / 2 - (anchors[at]! + anchors[at + 2]!) / 2) / anchorHeight;
  into[at + 1] = ((xmin + xmax) / 2 - (anchors[at + 1]! + anchors[at + 3]!) / 2) / anchorWidth;
  into[at + 2] = Math.log(height / anchorHeight);
  into[at + 3] = Math.log(width / anchorWidth);
}
