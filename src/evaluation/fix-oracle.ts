import { ERROR_TYPES, type ErrorType } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import type { ClassifiedDetection, ErrorClassification } from './error-classification.js';
import { averagePrecision, mean } from './precision-recall.js';

interface Ranked {
  readonly classAt: number;
  readonly score: number;
  readonly isCorrect: boolean;
}

/** TIDE's ΔAP50: the rise of AP50 if all errors of one type were fixed, an upper bound of what a remedy brings. */
export function fixOracle(
  scene: MatchedScene,
  classification: ErrorClassification,
): Record<ErrorType, number> {
  const positives = scene.matched.map(({ areas }) => areas.all.positives);
  const fixable = fixableDetections(classification);
  const base = meanAP(ranking(classification, { type: null, fixable, scene }), {
    positives,
    defined: positives,
  });
  const gain = (type: ErrorType): number => {
    const left = type === 'miss' ? withoutMissed(scene, { classification, positives }) : positives;
    const fixed = ranking(classification, { type, fixable, scene });
    return Math.max(0, meanAP(fixed, { positives: left, defined: positives }) - base);
  };
  return Object.fromEntries(ERROR_TYPES.map(type => [type, gain(type)])) as Record<ErrorType, number>; // one entry per type
}

/** The classification and localization errors that match a box when fixed: the one with the highest score of each box. */
function fixableDetections({ detections, falseNegatives }: ErrorClassification): Set<ClassifiedDetection> {
  const unmatched = new Set(falseNegatives.map(({ annotation }) => annotation));
  const best = new Map<number, ClassifiedDetection>();
  for (const detection of detections) {
    const { outcome, annotation, score } = detection;
    if ((outcome !== 'cls' && outcome !== 'loc') || !unmatched.has(annotation)) continue;
    const rival = best.get(annotation);
    if (!rival || rival.score < score) best.set(annotation, detection);
  }
  return new Set(best.values());
}

interface RankingOptions {
  readonly type: ErrorType | null;
  readonly fixable: ReadonlySet<ClassifiedDetection>;
  readonly scene: MatchedScene;
}

/** The detections with the errors of a type fixed: turned into true positives where possible, removed otherwise. */
function ranking({ detections }: ErrorClassification, { type, fixable, scene }: RankingOptions): Ranked[] {
  const classOf = new Map(scene.matched.map(({ category: { id } }, classAt) => [id, classAt]));
  return detections.flatMap((detection): Ranked[] => {
    const { outcome, classAt, score, annotation } = detection;
    if (outcome === 'ignored') return [];
    if (outcome !== type) return [{ classAt, score, isCorrect: outcome === 'correct' }];
    if (!fixable.has(detection)) return [];
    return [
      { classAt: classOf.get(scene.truth.annotations[annotation]!.category_id)!, score, isCorrect: true },
    ];
  });
}

function withoutMissed(
  { matched, truth }: MatchedScene,
  { classification, positives }: { classification: ErrorClassification; positives: readonly number[] },
): number[] {
  const missed = new Map<number, number>();
  for (const { annotation, isMissed } of classification.falseNegatives)
    if (isMissed) {
      const category = truth.annotations[annotation]!.category_id;
      missed.set(category, (missed.get(category) ?? 0) + 1);
    }
  return matched.map(({ category: { id } }, classAt) => positives[classAt]! - (missed.get(id) ?? 0));
}

/** The mean over the classes that had boxes before the fix; a class that has none left counts 0. */
function meanAP(
  ranked: readonly Ranked[],
  { positives, defined }: { positives: readonly number[]; defined: readonly number[] },
): number {
  const byClass = defined.map((): Ranked[] => []);
  for (const one of ranked) byClass[one.classAt]!.push(one);
  const values = byClass.flatMap((list, classAt) => {
    if (defined[classAt] === 0) return [];
    list.sort((a, b) => b.score - a.score);
    const outcomes = Int8Array.from(list, ({ isCorrect }) => Number(isCorrect));
    const scores = Float64Array.from(list, ({ score }) => score);
    return [Math.max(0, averagePrecision({ outcomes, scores, positives: positives[classAt]! }))];
  });
  return values.length === 0 ? 0 : mean(values);
}
