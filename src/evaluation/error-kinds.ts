import { ERROR_TYPES, type ErrorType, type Report } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import { fixOracle } from './fix-oracle.js';
import { judge, type Judgement } from './judgement.js';
import { bestOperatingPoint } from './operating-point.js';

export type PerKind = Record<ErrorType, number>;
type Confusion = Report['errors']['confusions'][number];

/** Kinds of errors at the threshold of the best F1, and what repairing each kind could bring. */
export function errorKinds(scene: MatchedScene): { report: Report['errors']; shown: Judgement } {
  const best = bestOperatingPoint(scene);
  const shown = judge(scene, best.threshold);
  const counts = countKinds(shown);
  const total = ERROR_TYPES.reduce((sum, kind) => sum + counts[kind], 0);
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

const perKind = (value: (kind: ErrorType) => number): PerKind =>
  Object.fromEntries(ERROR_TYPES.map(kind => [kind, value(kind)])) as PerKind; // one entry a kind

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
