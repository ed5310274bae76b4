import { ERROR_TYPES, type ErrorType, type Report } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import { fixOracle } from './fix-oracle.js';
import { classifyDetections, type ErrorClassification, type FalseNegative } from './error-classification.js';
import { bestOperatingPoint } from './operating-point.js';

export type PerErrorType = Record<ErrorType, number>;
type Confusion = Report['errors']['confusions'][number];

/** Errors by type at the threshold of the best F1, and the AP50 that fixing each type would gain. */
export function analyseErrors(scene: MatchedScene): {
  errors: Report['errors'];
  classification: ErrorClassification;
} {
  const best = bestOperatingPoint(scene);
  const classification = classifyDetections(scene, best.threshold);
  const counts = countErrors(classification);
  const total = ERROR_TYPES.reduce((sum, type) => sum + counts[type], 0);
  const countCause = (asked: FalseNegative['cause']): number =>
    classification.falseNegatives.filter(({ cause }) => cause === asked).length;
  const errors = {
    best,
    counts,
    shares: perErrorType(type => (total === 0 ? 0 : counts[type] / total)),
    correct: classification.detections.filter(({ outcome }) => outcome === 'correct').length,
    lost: { cls: countCause('cls'), loc: countCause('loc'), bkg: countCause('bkg') },
    deltaAP50: fixOracle(scene, classifyDetections(scene, -Infinity)),
    confusions: confusionsOf(scene, classification),
  };
  return { errors, classification };
}

export function countErrors({ detections, falseNegatives }: ErrorClassification): PerErrorType {
  const counts = perErrorType(() => 0);
  for (const { outcome } of detections) if (outcome !== 'correct' && outcome !== 'ignored') counts[outcome]++;
  counts.miss = falseNegatives.filter(({ isMissed }) => isMissed).length;
  return counts;
}

const perErrorType = (value: (type: ErrorType) => number): PerErrorType =>
  Object.fromEntries(ERROR_TYPES.map(type => [type, value(type)])) as PerErrorType; // one entry per type

function confusionsOf(
  { matched, truth }: MatchedScene,
  { falseNegatives }: ErrorClassification,
): Confusion[] {
  const counts = new Map<string, { truth: number; found: number; count: number }>();
  for (const { annotation, confusedWith } of falseNegatives) {
    if (confusedWith < 0) continue;
    const pair = {
      truth: truth.annotations[annotation]!.category_id,
      found: matched[confusedWith]!.category.id,
    };
    const key = `${pair.truth}/${pair.found}`;
    counts.set(key, { ...pair, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const boxes = new Map(matched.map(({ category, areas }) => [category.id, areas.all.positives]));
  return [...counts.values()]
    .map(pair => ({ ...pair, share: pair.count / boxes.get(pair.truth)! }))
    .sort((a, b) => b.count - a.count || a.truth - b.truth || a.found - b.found);
}
