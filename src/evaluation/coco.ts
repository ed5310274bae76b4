import type { CocoMetrics } from '../formats/coco-metrics.js';
import { checkDetections, checkGroundTruth } from './coco-checks.js';
import { arrangeByClass, type Scene } from './coco-classes.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import { type AreaRange, IOU_THRESHOLDS, matchClass, type MatchedClass } from './matching.js';
import { mean, meanOfDefined, recallCurve, type RecallCurve } from './precision-recall.js';

export interface ClassMetrics extends CocoMetrics {
  readonly categoryId: number;
  readonly name: string;
  /** The number of boxes without crowds. */
  readonly boxes: number;
}

/** Precision at recall 0, .01, … 1, and the score at which that recall is reached. */
export interface ClassCurve {
  readonly categoryId: number;
  readonly iou: number;
  readonly precision: readonly number[];
  readonly scores: readonly number[];
}

export interface CocoResult {
  readonly metrics: CocoMetrics;
  readonly perClass: readonly ClassMetrics[];
  /** The curves of the classes that have boxes, at IoU .5 and .75. */
  readonly curves: readonly ClassCurve[];
}

export interface MatchedScene extends Scene {
  readonly matched: readonly MatchedClass[];
}

/**
 * COCO's detection metrics, equal to those of pycocotools 2.0.11 including its handling of ties and its quirks: `ignore`
 * flags of annotations have no effect, and a match with the annotation of id 0 does not count.
 */
export const cocoMetrics = (truth: CocoGroundTruth, detections: readonly CocoDetection[]): CocoResult =>
  metricsOf(matchScene(truth, detections));

/** Checks ground truth and detections, and matches them. */
export function matchScene(truth: CocoGroundTruth, detections: readonly CocoDetection[]): MatchedScene {
  checkGroundTruth(truth, 'ground truth');
  checkDetections(detections, { source: 'detections', groundTruth: truth });
  const scene = arrangeByClass(truth, detections);
  return { ...scene, matched: scene.classes.map(boxes => matchClass(scene, boxes)) };
}

export function metricsOf(scene: MatchedScene): CocoResult {
  const measured = scene.matched.map(matched => measureClass(scene, matched));
  const perClass = measured.map(({ row }) => row);
  const over = (name: keyof CocoMetrics): number => meanOfDefined(perClass.map(row => row[name]));
  return {
    metrics: {
      AP: over('AP'),
      AP50: over('AP50'),
      AP75: over('AP75'),
      APs: over('APs'),
      APm: over('APm'),
      APl: over('APl'),
      AR1: over('AR1'),
      AR10: over('AR10'),
      AR100: over('AR100'),
      ARs: over('ARs'),
      ARm: over('ARm'),
      ARl: over('ARl'),
    },
    perClass,
    curves: measured.flatMap(({ curves }) => curves),
  };
}

/** Positions of a class's detections by descending score; equal scores keep the order of the images. */
export function rankByScore(scene: Scene, matched: MatchedClass): Uint32Array {
  const scores = scoresOf(scene, matched);
  return Uint32Array.from(matched.found.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

export function scoresOf({ detections }: Scene, { found }: MatchedClass): Float64Array {
  const scores = new Float64Array(found.length);
  for (let d = 0; d < found.length; d++) scores[d] = detections[found[d]!]!.score;
  return scores;
}

const AT_50 = 0;
const AT_75 = 5;

function measureClass(
  scene: MatchedScene,
  matched: MatchedClass,
): { row: ClassMetrics; curves: ClassCurve[] } {
  const { id: categoryId, name } = matched.category;
  const order = rankByScore(scene, matched);
  const scores = take(scoresOf(scene, matched), order);
  const curvesOver = (area: AreaRange): RecallCurve[] | null => {
    const { values, positives } = matched.areas[area];
    if (positives === 0) return null;
    return Array.from(IOU_THRESHOLDS, (_, t) => {
      const row = values.subarray(t * order.length, (t + 1) * order.length);
      return recallCurve({ outcomes: take(row, order), scores, positives });
    });
  };
  const all = curvesOver('all');
  const ap = (curves: RecallCurve[] | null): number =>
    curves ? mean(curves.map(({ precision }) => mean(precision))) : -1;
  const row: ClassMetrics = {
    categoryId,
    name,
    boxes: matched.areas.all.positives,
    AP: ap(all),
    AP50: ap(all && [all[AT_50]!]),
    AP75: ap(all && [all[AT_75]!]),
    APs: ap(curvesOver('small')),
    APm: ap(curvesOver('medium')),
    APl: ap(curvesOver('large')),
    AR1: recallOf(matched, 'all', 1),
    AR10: recallOf(matched, 'all', 10),
    AR100: recallOf(matched, 'all', 100),
    ARs: recallOf(matched, 'small', 100),
    ARm: recallOf(matched, 'medium', 100),
    ARl: recallOf(matched, 'large', 100),
  };
  const curve = (t: number): ClassCurve => ({
    categoryId,
    iou: IOU_THRESHOLDS[t]!,
    precision: [...all![t]!.precision],
    scores: [...all![t]!.scores],
  });
  return { row, curves: all ? [curve(AT_50), curve(AT_75)] : [] };
}

/** A copy with the elements in the given order. */
export function take<T extends Int8Array | Float64Array>(values: T, order: Uint32Array): T {
  const result = values.slice() as T; // slice keeps the type, TypeScript's library forgets it
  for (let i = 0; i < order.length; i++) result[i] = values[order[i]!]!;
  return result;
}

/** Recall with at most `limit` detections per image, averaged over the IoU thresholds; -1: there are no boxes. */
function recallOf({ areas, rank }: MatchedClass, area: AreaRange, limit: number): number {
  const { values, positives } = areas[area];
  if (positives === 0) return -1;
  const hits = new Float64Array(IOU_THRESHOLDS.length);
  for (let t = 0, at = 0; t < hits.length; t++)
    for (let d = 0; d < rank.length; d++, at++) if (values[at] === 1 && rank[d]! < limit) hits[t]!++;
  return mean(hits.map(count => count / positives));
}
