import type { MatchedScene } from './coco.js';
import { fixOracle } from './fix-oracle.js';
import { ERROR_KINDS, type ErrorKind, judge, type Judgement } from './judgement.js';
import { bestOperatingPoint, type OperatingPoint } from './operating-point.js';

export type PerKind = Record<ErrorKind, number>;

export interface ErrorReport {
  readonly best: OperatingPoint;
  /** At that threshold. */
  readonly counts: PerKind;
  /** Of all errors; 0 where there are none. */
  readonly shares: PerKind;
  readonly correct: number;
  /** At that threshold, boxes that are not found, by what is there instead. */
  readonly lost: { readonly cls: number; readonly loc: number; readonly bkg: number };
  /** What AP50 would gain if all errors of the kind were repaired; over all detections, whatever their score. */
  readonly deltaAP50: PerKind;
  /** Boxes of one class that are found as another only, by category id, the most frequent first. */
  readonly confusions: readonly Confusion[];
}

export interface Confusion {
  readonly truth: number;
  readonly found: number;
  readonly count: number;
  /** Of the boxes of the class. */
  readonly share: number;
}

/** Kinds of errors at the threshold of the best F1, and what repairing each kind could bring. */
export function errorKinds(scene: MatchedScene): { report: ErrorReport; shown: Judgement } {
  const best = bestOperatingPoint(scene);
  const shown = judge(scene, best.threshold);
  const counts = countKinds(shown);
  const total = ERROR_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
  const lostFor = (wanted: string): number => shown.lost.filter(({ reason }) => reason === wanted).length;
  const report = {
    best,
    counts,
    shares: perKind(kind => (total === 0 ? 0 : counts[kind] / total)),
    correct: shown.detections.filter(({ verdict }) => verdict === 'hit').length,
    lost: { cls: lostFor('cls'), loc: lostFor('loc'), bkg: lostFor('bkg') },
    deltaAP50: fixOracle(scene, judge(scene, -Infinity)),
    confusions: confusionsOf(scene, shown),
  };
  return { report, shown };
}

export function countKinds({ detections, lost }: Judgement): PerKind {
  const counts = perKind(() => 0);
  for (const { verdict } of detections) if (verdict !== 'hit' && verdict !== 'ignored') counts[verdict]++;
  counts.miss = lost.filter(({ missed }) => missed).length;
  return counts;
}

const perKind = (value: (kind: ErrorKind) => number): PerKind =>
  Object.fromEntries(ERROR_KINDS.map(kind => [kind, value(kind)])) as PerKind; // one entry a kind

function confusionsOf({ matched, truth }: MatchedScene, { lost }: Judgement): Confusion[] {
  const counts = new Map<string, { truth: number; found: number; count: number }>();
  for (const { annotation, foundAs } of lost) {
    if (foundAs < 0) continue;
    const pair = { truth: truth.annotations[annotation]!.category_id, found: matched[foundAs]!.category.id };
    const key = `${pair.truth}/${pair.found}`;
    counts.set(key, { ...pair, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const boxes = new Map(matched.map(({ category, areas }) => [category.id, areas.all.positives]));
  return [...counts.values()]
    .map(pair => ({ ...pair, share: pair.count / boxes.get(pair.truth)! }))
    .sort((a, b) => b.count - a.count || a.truth - b.truth || a.found - b.found);
}
