import type { ClassBoxes, Scene } from './coco-classes.js';
import type { BboxXywh, CocoId } from '../formats/coco.js';

/** The floating-point values of numpy.linspace(.5, .95, 10). */
export const IOU_THRESHOLDS = Float64Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : i * ((0.95 - 0.5) / 9) + 0.5,
);

/** Square pixels. */
export const AREA_RANGES = {
  all: [0, 1e10],
  small: [0, 1024],
  medium: [1024, 9216],
  large: [9216, 1e10],
} as const satisfies Record<string, readonly [number, number]>;
export type AreaRange = keyof typeof AREA_RANGES;
export const AREA_NAMES = Object.keys(AREA_RANGES) as AreaRange[]; // the keys just above

export interface MatchOutcomes {
  /** [threshold × detections + detection]: 1 a true positive, 0 a false positive, -1 ignored. */
  readonly values: Int8Array;
  /** The number of boxes that are not ignored. */
  readonly positives: number;
}

export interface MatchedClass extends ClassBoxes {
  /** The rank by score among the detections of the class in the image. */
  readonly rank: Uint8Array;
  readonly areas: Readonly<Record<AreaRange, MatchOutcomes>>;
  /** At IoU .5 over all areas: detection → index of the annotation that it matches, or -1. */
  readonly hits: Int32Array;
}

/** The ranges of one image's boxes and detections of a class in `truths` and `found`. */
interface Span {
  readonly truthsFrom: number;
  readonly truthsTo: number;
  readonly foundFrom: number;
  readonly foundTo: number;
}

/** Matches detections and boxes as pycocotools' evaluateImg does: greedily by score, with ignored boxes last. */
export function matchClass(scene: Scene, boxes: ClassBoxes): MatchedClass {
  const count = boxes.found.length;
  const rank = new Uint8Array(count);
  const hits = new Int32Array(count).fill(-1);
  const outcomes = (): { values: Int8Array; positives: number } => ({
    values: new Int8Array(IOU_THRESHOLDS.length * count),
    positives: 0,
  });
  const areas = { all: outcomes(), small: outcomes(), medium: outcomes(), large: outcomes() };
  const foundAreas = areasOf(scene, boxes);
  for (const span of spans(scene, boxes)) {
    for (let d = span.foundFrom; d < span.foundTo; d++) rank[d] = d - span.foundFrom;
    // Most images have no boxes of most classes.
    const overlaps = span.truthsTo > span.truthsFrom ? overlapsOf(scene, boxes, span) : null;
    for (const area of AREA_NAMES) {
      const target = { outcomes: areas[area].values, count, hits: area === 'all' ? hits : null };
      const outside = outsideOf(foundAreas, { span, range: AREA_RANGES[area] });
      if (!overlaps) {
        markUnmatched(outside, { foundFrom: span.foundFrom, target });
        continue;
      }
      const image = imageOf(scene, boxes, { span, overlaps, outside, range: AREA_RANGES[area] });
      areas[area].positives += image.counted;
      for (let t = 0; t < IOU_THRESHOLDS.length; t++) matchImage(image, t, target);
    }
  }
  return { ...boxes, rank, areas, hits };
}

/** The ranges of the images that have boxes or detections of the class. */
function* spans({ truthImage, foundImage }: Scene, { truths, found }: ClassBoxes): Generator<Span> {
  let [t, d] = [0, 0];
  while (t < truths.length || d < found.length) {
    const [truthsFrom, foundFrom] = [t, d];
    const image = Math.min(
      t < truths.length ? truthImage[truths[t]!]! : Infinity,
      d < found.length ? foundImage[found[d]!]! : Infinity,
    );
    while (t < truths.length && truthImage[truths[t]!] === image) t++;
    while (d < found.length && foundImage[found[d]!] === image) d++;
    yield { truthsFrom, truthsTo: t, foundFrom, foundTo: d };
  }
}

interface Image {
  readonly foundFrom: number;
  readonly detections: number;
  /** [detection × boxes + box] */
  readonly overlaps: Float64Array;
  /** Positions of the boxes, ignored ones last. */
  readonly order: Uint32Array;
  readonly counted: number;
  readonly crowd: Uint8Array;
  /** 1: the area of the detection is out of range. */
  readonly outside: Uint8Array;
  readonly ids: readonly CocoId[];
  readonly truths: Uint32Array;
}

function areasOf({ detections }: Scene, { found }: ClassBoxes): Float64Array {
  const areas = new Float64Array(found.length);
  for (let d = 0; d < found.length; d++) {
    const { bbox } = detections[found[d]!]!;
    areas[d] = bbox[2] * bbox[3];
  }
  return areas;
}

function outsideOf(
  areas: Float64Array,
  { span: { foundFrom, foundTo }, range: [low, high] }: { span: Span; range: readonly [number, number] },
): Uint8Array {
  const outside = new Uint8Array(foundTo - foundFrom);
  for (let d = 0; d < outside.length; d++) {
    const area = areas[foundFrom + d]!;
    if (area < low || area > high) outside[d] = 1;
  }
  return outside;
}

function overlapsOf({ truth, detections }: Scene, { truths, found }: ClassBoxes, span: Span): Float64Array {
  const boxes = span.truthsTo - span.truthsFrom;
  const overlaps = new Float64Array(boxes * (span.foundTo - span.foundFrom));
  for (let d = span.foundFrom, at = 0; d < span.foundTo; d++)
    for (let t = span.truthsFrom; t < span.truthsTo; t++, at++) {
      const { bbox, iscrowd } = truth.annotations[truths[t]!]!;
      overlaps[at] = overlap(detections[found[d]!]!.bbox, bbox, iscrowd === 1);
    }
  return overlaps;
}

function imageOf(
  { truth }: Scene,
  { truths }: ClassBoxes,
  { span, overlaps, outside, range: [low, high] }: ImageOptions,
): Image {
  const list = truths.subarray(span.truthsFrom, span.truthsTo);
  const annotations = Array.from(list, index => truth.annotations[index]!);
  const isIgnored = ({ iscrowd, area }: (typeof annotations)[number]): boolean =>
    iscrowd === 1 || area < low || area > high;
  const positions = annotations.map((_, i) => i);
  const counted = positions.filter(i => !isIgnored(annotations[i]!));
  const ignored = positions.filter(i => isIgnored(annotations[i]!));
  return {
    foundFrom: span.foundFrom,
    detections: span.foundTo - span.foundFrom,
    overlaps,
    order: Uint32Array.from([...counted, ...ignored]),
    counted: counted.length,
    crowd: Uint8Array.from(annotations, ({ iscrowd }) => iscrowd),
    outside,
    ids: annotations.map(({ id }) => id),
    truths: list,
  };
}

interface ImageOptions {
  readonly span: Span;
  readonly overlaps: Float64Array;
  readonly outside: Uint8Array;
  readonly range: readonly [number, number];
}

interface Target {
  readonly outcomes: Int8Array;
  /** The number of detections of the class: the length of a row of outcomes. */
  readonly count: number;
  readonly hits: Int32Array | null;
}

/** Without boxes the outcome is the same at every threshold. */
function markUnmatched(
  outside: Uint8Array,
  { foundFrom, target }: { foundFrom: number; target: Target },
): void {
  const { outcomes, count } = target;
  for (let d = 0; d < outside.length; d++)
    if (outside[d] === 1) for (let at = foundFrom + d; at < outcomes.length; at += count) outcomes[at] = -1;
}

function matchImage(image: Image, threshold: number, { outcomes, count, hits }: Target): void {
  const { foundFrom, detections, order, counted, outside, ids, truths } = image;
  const taken = new Uint8Array(order.length);
  for (let d = 0; d < detections; d++) {
    const place = bestBox(image, { d, taken, threshold: IOU_THRESHOLDS[threshold]! });
    const box = place < 0 ? -1 : order[place]!;
    if (box >= 0) taken[box] = 1;
    // pycocotools stores the id of the matched box, and treats id 0 as no match.
    const matched = box >= 0 && ids[box] != 0;
    const doesNotCount = place >= counted || (!matched && outside[d] === 1);
    outcomes[threshold * count + foundFrom + d] = doesNotCount ? -1 : Number(matched);
    if (hits && threshold === 0 && matched && !doesNotCount) hits[foundFrom + d] = truths[box]!;
  }
}

/** The position in `order` of the best box that is not taken; -1: none overlaps enough. */
function bestBox(
  { overlaps, order, counted, crowd }: Image,
  { d, taken, threshold }: { d: number; taken: Uint8Array; threshold: number },
): number {
  let best = Math.min(threshold, 1 - 1e-10);
  let match = -1;
  for (let place = 0; place < order.length; place++) {
    const box = order[place]!;
    // A crowd may be matched repeatedly.
    if (taken[box] === 1 && crowd[box] === 0) continue;
    if (match >= 0 && match < counted && place >= counted) break;
    const value = overlaps[d * order.length + box]!;
    if (value < best) continue;
    best = value;
    match = place;
  }
  return match;
}

/** IoU; for a crowd, the intersection over the area of the detection. */
export function overlap(a: BboxXywh, b: BboxXywh, crowd: boolean): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  if (width <= 0) return 0;
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (height <= 0) return 0;
  const shared = width * height;
  const area = a[2] * a[3];
  return shared / (crowd ? area : area + b[2] * b[3] - shared);
}
