import type { ErrorType } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import type { BboxXywh } from '../formats/coco.js';
import { overlap } from './matching.js';

export type FalsePositiveType = Exclude<ErrorType, 'miss'>;

/** TIDE's IoU thresholds: of a match, and of a localization error. */
export const FOREGROUND = 0.5;
export const BACKGROUND = 0.1;

export interface ClassifiedDetection {
  readonly score: number;
  /** Positions in the scene's images and classes. */
  readonly image: number;
  readonly classAt: number;
  readonly outcome: 'correct' | 'ignored' | FalsePositiveType;
  /** Index of the annotation that it matches, or that its error is about; -1: none. */
  readonly annotation: number;
}

/** A ground-truth box that no detection matches. */
export interface FalseNegative {
  readonly annotation: number;
  /** A detection of another class, a badly placed one, or none at all. */
  readonly cause: 'cls' | 'loc' | 'bkg';
  /** TIDE's missed ground truth: no classification or localization error covers it. */
  readonly isMissed: boolean;
  /** Position of the class that the best detection of a wrong class gives it; -1: none. */
  readonly confusedWith: number;
}

export interface ErrorClassification {
  readonly detections: readonly ClassifiedDetection[];
  readonly falseNegatives: readonly FalseNegative[];
}

/** A detection of one image, with what COCO's matching says about it. */
interface MatchedDetection {
  readonly score: number;
  readonly classAt: number;
  readonly bbox: BboxXywh;
  readonly hit: number;
  readonly ignored: boolean;
}

interface TruthBox {
  readonly annotation: number;
  readonly classAt: number;
  readonly bbox: BboxXywh;
}

/** Classifies every detection with at least the score `minScore`, and every ground-truth box that none of them matches. */
export function classifyDetections(scene: MatchedScene, minScore: number): ErrorClassification {
  const [detected, boxes] = [detectionsByImage(scene, minScore), truthsByImage(scene)];
  const detections: ClassifiedDetection[] = [];
  const falseNegatives: FalseNegative[] = [];
  scene.images.forEach((_, image) => {
    const inImage = { detections: detected[image]!, boxes: boxes[image]! };
    const classified = classifyImage(inImage);
    for (const one of classified) detections.push({ ...one, image });
    falseNegatives.push(...falseNegativesOf(classified, inImage));
  });
  return { detections, falseNegatives };
}

interface ImageMatches {
  readonly detections: readonly MatchedDetection[];
  readonly boxes: readonly TruthBox[];
}

function detectionsByImage(
  { images, matched, detections, foundImage }: MatchedScene,
  minScore: number,
): MatchedDetection[][] {
  const lists = images.map((): MatchedDetection[] => []);
  matched.forEach(({ found, hits, areas }, classAt) =>
    found.forEach((index, d) => {
      const { score, bbox } = detections[index]!;
      if (score < minScore) return;
      const ignored = areas.all.values[d] === -1;
      lists[foundImage[index]!]!.push({ score, classAt, bbox, hit: hits[d]!, ignored });
    }),
  );
  return lists;
}

function truthsByImage({ images, matched, truth, truthImage }: MatchedScene): TruthBox[][] {
  const lists = images.map((): TruthBox[] => []);
  matched.forEach(({ truths }, classAt) =>
    truths.forEach(annotation => {
      const { bbox, iscrowd } = truth.annotations[annotation]!;
      if (iscrowd === 0) lists[truthImage[annotation]!]!.push({ annotation, classAt, bbox });
    }),
  );
  return lists;
}

type ClassifiedInImage = Omit<ClassifiedDetection, 'image'>;

function classifyImage({ detections, boxes }: ImageMatches): ClassifiedInImage[] {
  const used = new Set(detections.filter(({ hit }) => hit >= 0).map(({ hit }) => hit));
  return detections.map(detection => {
    const { score, classAt, hit, ignored } = detection;
    if (hit >= 0) return { score, classAt, outcome: 'correct', annotation: hit };
    if (ignored) return { score, classAt, outcome: 'ignored', annotation: -1 };
    return { score, classAt, ...classifyFalsePositive(detection, { boxes, used }) };
  });
}

/** The conditions are in TIDE's order. */
function classifyFalsePositive(
  { bbox, classAt }: MatchedDetection,
  { boxes, used }: { boxes: readonly TruthBox[]; used: ReadonlySet<number> },
): { outcome: FalsePositiveType; annotation: number } {
  const same = nearest(bbox, boxes, box => box.classAt === classAt);
  if (same.iou >= BACKGROUND && same.iou <= FOREGROUND)
    return { outcome: 'loc', annotation: same.annotation };
  const other = nearest(bbox, boxes, box => box.classAt !== classAt);
  if (other.iou >= FOREGROUND) return { outcome: 'cls', annotation: other.annotation };
  const taken = nearest(bbox, boxes, box => box.classAt === classAt && used.has(box.annotation));
  if (taken.iou >= FOREGROUND) return { outcome: 'dup', annotation: taken.annotation };
  const any = same.iou > other.iou ? same : other;
  return any.iou <= BACKGROUND
    ? { outcome: 'bkg', annotation: -1 }
    : { outcome: 'both', annotation: any.annotation };
}

function nearest(
  bbox: BboxXywh,
  boxes: readonly TruthBox[],
  isCandidate: (box: TruthBox) => boolean,
): { iou: number; annotation: number } {
  let best = { iou: 0, annotation: -1 };
  for (const box of boxes) {
    if (!isCandidate(box)) continue;
    const iou = overlap(bbox, box.bbox, false);
    if (iou > best.iou) best = { iou, annotation: box.annotation };
  }
  return best;
}

function falseNegativesOf(
  classified: readonly ClassifiedInImage[],
  { detections, boxes }: ImageMatches,
): FalseNegative[] {
  const found = new Set(
    classified.filter(({ outcome }) => outcome === 'correct').map(({ annotation }) => annotation),
  );
  const fixable = new Set(
    classified
      .filter(({ outcome }) => outcome === 'cls' || outcome === 'loc')
      .map(({ annotation }) => annotation),
  );
  return boxes
    .filter(({ annotation }) => !found.has(annotation))
    .map(box => ({
      annotation: box.annotation,
      isMissed: !fixable.has(box.annotation),
      ...causeOf(box, detections),
    }));
}

function causeOf(
  box: TruthBox,
  detections: readonly MatchedDetection[],
): Pick<FalseNegative, 'cause' | 'confusedWith'> {
  const near = detections.map(({ bbox, classAt, score }) => ({
    classAt,
    score,
    iou: overlap(bbox, box.bbox, false),
  }));
  const misclassified = near
    .filter(({ classAt, iou }) => classAt !== box.classAt && iou >= FOREGROUND)
    .reduce<{ classAt: number; score: number } | null>(
      (best, next) => (best && best.score >= next.score ? best : next),
      null,
    );
  if (misclassified) return { cause: 'cls', confusedWith: misclassified.classAt };
  const isNear = near.some(({ classAt, iou }) => classAt === box.classAt && iou >= BACKGROUND);
  return { cause: isNear ? 'loc' : 'bkg', confusedWith: -1 };
}
