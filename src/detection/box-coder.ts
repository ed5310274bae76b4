import type { BoxYxyx } from '../boxes.js';

/** The least size that is divided by or taken the logarithm of. */
const TINY = 1e-8;

interface Encoding {
  /** [anchors, 4] yxyx. */
  readonly anchors: Float32Array;
  readonly index: number;
  /** [anchors, 4], receives ty, tx, th, tw. */
  readonly into: Float32Array;
}

/** Encodes a box by ty, tx: centre offsets in anchor sizes, and th, tw: logarithms of size ratios; without variances. */
export function encodeBox([ymin, xmin, ymax, xmax]: BoxYxyx, { anchors, index, into }: Encoding): void {
  const at = index * 4;
  const y = encodeAxis(ymin, ymax, { low: anchors[at]!, high: anchors[at + 2]! });
  const x = encodeAxis(xmin, xmax, { low: anchors[at + 1]!, high: anchors[at + 3]! });
  into[at] = y.offset;
  into[at + 1] = x.offset;
  into[at + 2] = y.logRatio;
  into[at + 3] = x.logRatio;
}

/**
 * Rounds to 32 bits after each operation, as the reference does: a coordinate whose target is exactly 0 does not count in the box
 * loss, so which ones are 0 must not depend on the precision.
 */
function encodeAxis(
  low: number,
  high: number,
  anchor: { low: number; high: number },
): { offset: number; logRatio: number } {
  const size = Math.fround(Math.fround(high) - Math.fround(low));
  const anchorSize = Math.fround(anchor.high - anchor.low);
  const centre = Math.fround(Math.fround(low) + size / 2);
  const anchorCentre = Math.fround(anchor.low + anchorSize / 2);
  const divisor = Math.max(TINY, anchorSize);
  return {
    offset: Math.fround(centre - anchorCentre) / divisor,
    logRatio: Math.log(Math.fround(Math.max(TINY, size) / divisor)),
  };
}
