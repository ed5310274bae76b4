import { ERROR_TYPES, type ErrorType } from '../formats/report.js';
import type { MatchedScene } from './coco.js';
import type { JudgedDetection, Judgement } from './judgement.js';
import { averagePrecision, mean } from './precision-recall.js';

interface Ranked {
  readonly classAt: number;
  readonly score: number;
  readonly isHit: boolean;
}

/** How much AP50 would rise if all errors of a kind, and no others, were repaired: an upper bound of what a cure brings. */
export function fixOracle(scene: MatchedScene, judgement: Judgement): Record<ErrorType, number> {
  const positives = scene.matched.map(({ areas }) => areas.all.positives);
  const repairable = bestRepairs(judgement);
  const base = meanAP(ranking(judgement, { kind: null, repairable, scene }), {
    positives,
    defined: positives,
  });
  const gain = (kind: ErrorType): number => {
    const left = kind === 'miss' ? withoutMissed(scene, { judgement, positives }) : positives;
    const fixed = ranking(judgement, { kind, repairable, scene });
    return Math.max(0, meanAP(fixed, { positives: left, defined: positives }) - base);
  };
  return Object.fromEntries(ERROR_TYPES.map(kind => [kind, gain(kind)])) as Record<ErrorType, number>; // one entry a kind
}

/** Of the class and location errors about a lost box only the one of the highest score finds it when repaired. */
function bestRepairs({ detections, lost }: Judgement): Set<JudgedDetection> {
  const lostBoxes = new Set(lost.map(({ annotation }) => annotation));
  const best = new Map<number, JudgedDetection>();
  for (const detection of detections) {
    const { verdict, about, score } = detection;
    if ((verdict !== 'cls' && verdict !== 'loc') || !lostBoxes.has(about)) continue;
    const rival = best.get(about);
    if (!rival || rival.score < score) best.set(about, detection);
  }
  return new Set(best.values());
}

interface RankingOptions {
  readonly kind: ErrorType | null;
  readonly repairable: ReadonlySet<JudgedDetection>;
  readonly scene: MatchedScene;
}

/** Detections with the errors of a kind repaired: turned into hits where one can be, gone otherwise. */
function ranking({ detections }: Judgement, { kind, repairable, scene }: RankingOptions): Ranked[] {
  const classOf = new Map(scene.matched.map(({ category: { id } }, classAt) => [id, classAt]));
  return detections.flatMap((detection): Ranked[] => {
    const { verdict, classAt, score, about } = detection;
    if (verdict === 'ignored') return [];
    if (verdict !== kind) return [{ classAt, score, isHit: verdict === 'hit' }];
    if (!repairable.has(detection)) return [];
    return [{ classAt: classOf.get(scene.truth.annotations[about]!.category_id)!, score, isHit: true }];
  });
}

function withoutMissed(
  { matched, truth }: MatchedScene,
  { judgement, positives }: { judgement: Judgement; positives: readonly number[] },
): number[] {
  const missed = new Map<number, number>();
  for (const { annotation, missed: isMissed } of judgement.lost)
    if (isMissed) {
      const category = truth.annotations[annotation]!.category_id;
      missed.set(category, (missed.get(category) ?? 0) + 1);
    }
  return matched.map(({ category: { id } }, classAt) => positives[classAt]! - (missed.get(id) ?? 0));
}

/** Mean over the classes that had boxes before anything was repaired; a class that has lost them all counts 0. */
function meanAP(
  ranked: readonly Ranked[],
  { positives, defined }: { positives: readonly number[]; defined: readonly number[] },
): number {
  const byClass = defined.map((): Ranked[] => []);
  for (const one of ranked) byClass[one.classAt]!.push(one);
  const values = byClass.flatMap((list, classAt) => {
    if (defined[classAt] === 0) return [];
    list.sort((a, b) => b.score - a.score);
    const verdicts = Int8Array.from(list, ({ isHit }) => Number(isHit));
    const scores = Float64Array.from(list, ({ score }) => score);
    return [Math.max(0, averagePrecision({ verdicts, scores, positives: positives[classAt]! }))];
  });
  return values.length === 0 ? 0 : mean(values);
}
