import type { ClassImage } from './coco.js';

export interface MatchedImage {
  /** Falling. */
  readonly scores: readonly number[];
  /** [threshold][detection]: 1 matched, 0 not, -1 to be ignored. */
  readonly verdicts: readonly Int8Array[];
  /** Boxes that count. */
  readonly countedBoxes: number;
}

interface MatchOptions {
  readonly range: readonly [number, number];
  readonly maxDetections: number;
  readonly thresholds: readonly number[];
}

/** One picture and class, as pycocotools' evaluateImg: greedy by score, ignored boxes only when no counted one fits. */
export function matchImage(
  { boxes, detections }: ClassImage,
  { range: [low, high], maxDetections, thresholds }: MatchOptions,
): MatchedImage {
  const sorted = [...detections].sort((a, b) => b.score - a.score).slice(0, maxDetections);
  const isIgnored = (box: ClassImage['boxes'][number]): boolean =>
    box.crowd || box.area < low || box.area > high;
  // Counted boxes first, in their own order.
  const ordered = [...boxes.filter(box => !isIgnored(box)), ...boxes.filter(isIgnored)];
  const countedBoxes = boxes.length - boxes.filter(isIgnored).length;
  const overlaps = sorted.map(({ box }) => ordered.map(other => overlap(box, other.box, other.crowd)));
  const outside = sorted.map(({ box }) => box[2]! * box[3]! < low || box[2]! * box[3]! > high);
  const verdicts = thresholds.map(threshold => {
    const taken = new Uint8Array(ordered.length);
    return Int8Array.from(sorted, (_, d) => {
      const match = bestBox(overlaps[d]!, { ordered, taken, countedBoxes, threshold });
      if (match < 0) return outside[d] ? -1 : 0;
      taken[match] = 1;
      return match >= countedBoxes ? -1 : 1;
    });
  });
  return { scores: sorted.map(({ score }) => score), verdicts, countedBoxes };
}

interface Search {
  readonly ordered: ClassImage['boxes'];
  readonly taken: Uint8Array;
  readonly countedBoxes: number;
  readonly threshold: number;
}

function bestBox(overlaps: readonly number[], { ordered, taken, countedBoxes, threshold }: Search): number {
  let best = Math.min(threshold, 1 - 1e-10);
  let match = -1;
  for (let g = 0; g < ordered.length; g++) {
    // A crowd may be matched again and again.
    if (taken[g] && !ordered[g]!.crowd) continue;
    if (match > -1 && match < countedBoxes && g >= countedBoxes) break;
    if (overlaps[g]! < best) continue;
    best = overlaps[g]!;
    match = g;
  }
  return match;
}

/** IoU of [x, y, width, height]; over the detection's own area where the other is a crowd. */
export function overlap(a: readonly number[], b: readonly number[], crowd: boolean): number {
  const width = Math.min(a[0]! + a[2]!, b[0]! + b[2]!) - Math.max(a[0]!, b[0]!);
  if (width <= 0) return 0;
  const height = Math.min(a[1]! + a[3]!, b[1]! + b[3]!) - Math.max(a[1]!, b[1]!);
  if (height <= 0) return 0;
  const shared = width * height;
  const area = a[2]! * a[3]!;
  return shared / (crowd ? area : area + b[2]! * b[3]! - shared);
}
