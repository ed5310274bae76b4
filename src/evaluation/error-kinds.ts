import type { CocoGroundTruth } from '../data/ground-truth.js';
import type { CocoDetection } from '../detection/detections.js';
import { overlap } from './matching.js';

/** What is wrong with a detection or a box: TIDE (Bolya 2020). */
export const ERROR_KINDS = ['cls', 'loc', 'both', 'dup', 'bkg', 'miss'] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

const FOREGROUND = 0.5;
const BACKGROUND = 0.1;

export interface Thresholded {
  /** The score that maximises F1 at IoU .5. */
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface ErrorReport {
  readonly best: Thresholded;
  /** At that threshold. */
  readonly counts: Readonly<Record<ErrorKind, number>>;
  readonly correct: number;
  /** Pairs of classes that are mistaken for each other. */
  readonly confusions: readonly { readonly truth: number; readonly found: number; readonly count: number }[];
}

interface Judged {
  readonly score: number;
  readonly correct: boolean;
  readonly kind: Exclude<ErrorKind, 'miss'> | null;
  /** Index of the annotation that it is about; -1: none. */
  readonly annotation: number;
  readonly truth: number;
  readonly found: number;
}

/** Kinds of errors at the best threshold. */
export function errorKinds(groundTruth: CocoGroundTruth, detections: readonly CocoDetection[]): ErrorReport {
  const annotations = groundTruth.annotations.filter(({ iscrowd }) => iscrowd === 0);
  const byImage = groupBy(
    annotations.map((annotation, index) => ({ ...annotation, index })),
    ({ image_id }) => image_id,
  );
  const judged = [...groupBy(detections, ({ image_id }) => image_id)].flatMap(([image, list]) =>
    judgeImage(byImage.get(image) ?? [], list),
  );
  judged.sort((a, b) => b.score - a.score);
  const best = bestThreshold(judged, annotations.length);
  const shown = judged.filter(({ score }) => score >= best.threshold);
  const counts: Record<ErrorKind, number> = { cls: 0, loc: 0, both: 0, dup: 0, bkg: 0, miss: 0 };
  for (const { kind } of shown) if (kind) counts[kind]++;
  const explained = new Set(
    shown
      .filter(({ correct, kind }) => correct || kind === 'cls' || kind === 'loc')
      .map(({ annotation }) => annotation),
  );
  counts.miss = annotations.filter((_, index) => !explained.has(index)).length;
  return {
    best,
    counts,
    correct: shown.filter(({ correct }) => correct).length,
    confusions: confusionsOf(shown),
  };
}

type Annotation = CocoGroundTruth['annotations'][number] & { readonly index: number };

function judgeImage(annotations: readonly Annotation[], detections: readonly CocoDetection[]): Judged[] {
  const taken = new Set<number>();
  return [...detections]
    .sort((a, b) => b.score - a.score)
    .map(({ bbox, score, category_id: found }): Judged => {
      const overlaps = annotations.map(annotation => ({
        annotation,
        iou: overlap(bbox, annotation.bbox, false),
      }));
      const best = (list: typeof overlaps) =>
        list.reduce<(typeof overlaps)[number] | undefined>(
          (top, next) => (!top || next.iou > top.iou ? next : top),
          undefined,
        );
      const sameClass = best(overlaps.filter(({ annotation }) => annotation.category_id === found));
      const free = best(
        overlaps.filter(({ annotation }) => annotation.category_id === found && !taken.has(annotation.index)),
      );
      const otherClass = best(overlaps.filter(({ annotation }) => annotation.category_id !== found));
      const verdict = (kind: Judged['kind'], about?: Annotation): Judged => ({
        score,
        correct: kind === null,
        kind,
        annotation: about?.index ?? -1,
        truth: about?.category_id ?? -1,
        found,
      });
      if (free && free.iou >= FOREGROUND) {
        taken.add(free.annotation.index);
        return verdict(null, free.annotation);
      }
      if (sameClass && sameClass.iou >= FOREGROUND) return verdict('dup', sameClass.annotation);
      if (sameClass && sameClass.iou >= BACKGROUND) return verdict('loc', sameClass.annotation);
      if (otherClass && otherClass.iou >= FOREGROUND) return verdict('cls', otherClass.annotation);
      return otherClass && otherClass.iou >= BACKGROUND
        ? verdict('both', otherClass.annotation)
        : verdict('bkg');
    });
}

function bestThreshold(judged: readonly Judged[], positives: number): Thresholded {
  let best: Thresholded = { threshold: 1, precision: 0, recall: 0, f1: 0 };
  let hits = 0;
  judged.forEach(({ correct, score }, i) => {
    if (correct) hits++;
    // Equal scores belong on one side of a threshold.
    if (judged[i + 1]?.score === score) return;
    const precision = hits / (i + 1);
    const recall = positives === 0 ? 0 : hits / positives;
    const f1 = hits === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    if (f1 > best.f1) best = { threshold: score, precision, recall, f1 };
  });
  return best;
}

function confusionsOf(shown: readonly Judged[]): ErrorReport['confusions'] {
  const groups = groupBy(
    shown.filter(({ kind }) => kind === 'cls'),
    ({ truth, found }) => `${truth}/${found}`,
  );
  return [...groups.values()]
    .map(list => ({ truth: list[0]!.truth, found: list[0]!.found, count: list.length }))
    .sort((a, b) => b.count - a.count);
}

function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
