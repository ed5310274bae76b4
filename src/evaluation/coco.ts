import type { CocoGroundTruth } from '../data/ground-truth.js';
import type { CocoDetection } from '../detection/detections.js';
import type { CocoMetrics } from '../pipeline.js';
import { matchImage, type MatchedImage } from './matching.js';

/** numpy.linspace(.5, .95, 10) and (0, 1, 101): the very same floating-point values. */
export const IOU_THRESHOLDS = Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : i * ((0.95 - 0.5) / 9) + 0.5,
);
const RECALLS = Array.from({ length: 101 }, (_, i) => (i === 100 ? 1 : i * 0.01));

/** Areas in square pixels. */
export const AREA_RANGES = {
  all: [0, 1e10],
  small: [0, 1024],
  medium: [1024, 9216],
  large: [9216, 1e10],
} as const;
export type AreaRange = keyof typeof AREA_RANGES;

const MAX_DETECTIONS = [1, 10, 100] as const;

export interface ClassMetrics {
  readonly categoryId: number;
  readonly name: string;
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  readonly AR100: number;
}

export interface Curve {
  readonly categoryId: number;
  /** Precision at recall 0, .01, … 1, at IoU .5. */
  readonly precision: readonly number[];
  /** The score from which that recall is reached. */
  readonly scores: readonly number[];
}

export interface CocoResult {
  readonly metrics: CocoMetrics;
  readonly perClass: readonly ClassMetrics[];
  readonly curves: readonly Curve[];
}

interface Accumulated {
  /** [threshold][recall]; null where there is nothing to find. */
  readonly precision: readonly Float64Array[] | null;
  readonly scores: readonly Float64Array[];
  /** [threshold] */
  readonly recall: Float64Array;
}

type PerClass = (area: AreaRange, maxDetections: number) => Accumulated;

/** COCO's detection metrics as pycocotools 2 computes them, to the last decision about ties. */
export function cocoMetrics(groundTruth: CocoGroundTruth, detections: readonly CocoDetection[]): CocoResult {
  const categories = [...groundTruth.categories].sort((a, b) => a.id - b.id);
  const byClass = groupByClass(groundTruth, detections);
  const classes = categories.map(({ id }) => accumulator(byClass.get(id) ?? []));
  const meanOver = (values: readonly number[]): number => {
    const defined = values.filter(value => value > -1);
    return defined.length === 0 ? -1 : defined.reduce((sum, value) => sum + value, 0) / defined.length;
  };
  const ap = (
    list: readonly PerClass[],
    { area = 'all', threshold }: { area?: AreaRange; threshold?: number },
  ): number => meanOver(list.flatMap(perClass => precisions(perClass(area, 100), threshold)));
  const ar = (list: readonly PerClass[], area: AreaRange, max: number): number =>
    meanOver(list.flatMap(perClass => [...perClass(area, max).recall]));
  const metrics: CocoMetrics = {
    AP: ap(classes, {}),
    AP50: ap(classes, { threshold: 0 }),
    AP75: ap(classes, { threshold: 5 }),
    APs: ap(classes, { area: 'small' }),
    APm: ap(classes, { area: 'medium' }),
    APl: ap(classes, { area: 'large' }),
    AR1: ar(classes, 'all', 1),
    AR10: ar(classes, 'all', 10),
    AR100: ar(classes, 'all', 100),
    ARs: ar(classes, 'small', 100),
    ARm: ar(classes, 'medium', 100),
    ARl: ar(classes, 'large', 100),
  };
  const perClass = categories.map(({ id: categoryId, name }, i) => {
    const one = [classes[i]!];
    return {
      categoryId,
      name,
      AP: ap(one, {}),
      AP50: ap(one, { threshold: 0 }),
      AP75: ap(one, { threshold: 5 }),
      AR100: ar(one, 'all', 100),
    };
  });
  const curves = categories.flatMap(({ id: categoryId }, i) => {
    const { precision, scores } = classes[i]!('all', 100);
    return precision ? [{ categoryId, precision: [...precision[0]!], scores: [...scores[0]!] }] : [];
  });
  return { metrics, perClass, curves };
}

function precisions({ precision }: Accumulated, threshold: number | undefined): number[] {
  if (!precision) return [];
  return threshold === undefined ? precision.flatMap(row => [...row]) : [...precision[threshold]!];
}

export interface ClassImage {
  readonly boxes: { readonly box: readonly number[]; readonly area: number; readonly crowd: boolean }[];
  readonly detections: { readonly box: readonly number[]; readonly score: number }[];
}

/** Category → its pictures in the order of their ids; pictures with neither boxes nor detections are left out. */
function groupByClass(
  { images, annotations }: CocoGroundTruth,
  detections: readonly CocoDetection[],
): Map<number, ClassImage[]> {
  const known = new Set(images.map(({ id }) => id));
  const groups = new Map<number, Map<number, ClassImage>>();
  const cell = (category: number, image: number): ClassImage => {
    let group = groups.get(category);
    if (!group) groups.set(category, (group = new Map()));
    let found = group.get(image);
    if (!found) group.set(image, (found = { boxes: [], detections: [] }));
    return found;
  };
  for (const { category_id, image_id, bbox, area, iscrowd } of annotations)
    if (known.has(image_id))
      cell(category_id, image_id).boxes.push({ box: bbox, area, crowd: iscrowd === 1 });
  for (const { category_id, image_id, bbox, score } of detections)
    if (known.has(image_id)) cell(category_id, image_id).detections.push({ box: bbox, score });
  return new Map(
    [...groups].map(([category, group]) => [
      category,
      [...group].sort(([a], [b]) => a - b).map(([, value]) => value),
    ]),
  );
}

/** Matches once per area range and once per limit of detections; both are asked for several times. */
function accumulator(images: readonly ClassImage[]): PerClass {
  const matched = new Map<AreaRange, MatchedImage[]>();
  const done = new Map<string, Accumulated>();
  return (area, max) => {
    const key = `${area}/${max}`;
    let result = done.get(key);
    if (!result) {
      let list = matched.get(area);
      if (!list)
        matched.set(
          area,
          (list = images.map(image =>
            matchImage(image, {
              range: AREA_RANGES[area],
              maxDetections: MAX_DETECTIONS[2],
              thresholds: IOU_THRESHOLDS,
            }),
          )),
        );
      done.set(key, (result = accumulate(list, max)));
    }
    return result;
  };
}

function accumulate(images: readonly MatchedImage[], max: number): Accumulated {
  const positives = images.reduce((sum, { countedBoxes }) => sum + countedBoxes, 0);
  if (positives === 0) return { precision: null, scores: [], recall: new Float64Array(0) };
  const limited = images.map(image => Math.min(max, image.scores.length));
  const total = limited.reduce((sum, count) => sum + count, 0);
  const scores = new Float64Array(total);
  const origin = new Int32Array(total);
  const position = new Int32Array(total);
  let at = 0;
  images.forEach((image, i) => {
    for (let d = 0; d < limited[i]!; d++, at++) {
      scores[at] = image.scores[d]!;
      origin[at] = i;
      position[at] = d;
    }
  });
  // A stable sort, as numpy's mergesort of the negated scores.
  const order = Array.from({ length: total }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const rows = IOU_THRESHOLDS.map((_, threshold) => {
    const verdicts = order.map(i => images[origin[i]!]!.verdicts[threshold]![position[i]!]!);
    return precisionAtRecalls(verdicts, { positives, sortedScores: order.map(i => scores[i]!) });
  });
  return {
    precision: rows.map(row => row.precision),
    scores: rows.map(row => row.scores),
    recall: Float64Array.from(rows, row => row.recall),
  };
}

/** Verdicts by falling score: 1 a hit, 0 a miss, -1 neither. */
function precisionAtRecalls(
  verdicts: readonly number[],
  { positives, sortedScores }: { positives: number; sortedScores: readonly number[] },
): { precision: Float64Array; scores: Float64Array; recall: number } {
  const count = verdicts.length;
  const recall = new Float64Array(count);
  const precision = new Float64Array(count);
  let [hits, misses] = [0, 0];
  for (let i = 0; i < count; i++) {
    if (verdicts[i] === 1) hits++;
    else if (verdicts[i] === 0) misses++;
    recall[i] = hits / positives;
    precision[i] = hits / (misses + hits + Number.EPSILON);
  }
  for (let i = count - 1; i > 0; i--) if (precision[i]! > precision[i - 1]!) precision[i - 1] = precision[i]!;
  const result = {
    precision: new Float64Array(RECALLS.length),
    scores: new Float64Array(RECALLS.length),
    recall: count ? recall[count - 1]! : 0,
  };
  let i = 0;
  RECALLS.forEach((wanted, r) => {
    while (i < count && recall[i]! < wanted) i++;
    if (i >= count) return;
    result.precision[r] = precision[i]!;
    result.scores[r] = sortedScores[i]!;
  });
  return result;
}
