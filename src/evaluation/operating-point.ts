import type { OperatingPoint } from '../formats/report.js';
import type { MatchedScene } from './coco.js';

interface Counted {
  readonly scores: Float64Array;
  readonly hits: Uint32Array;
  readonly positives: number;
}

/** The score threshold with the best F1 over all boxes at IoU .5; 1 where there are no true positives. */
export function bestOperatingPoint(scene: MatchedScene): OperatingPoint {
  const counted = countByScore(scene);
  let best = pointAt(counted, { threshold: 1, shown: 0 });
  counted.scores.forEach((threshold, i) => {
    // Equal scores are on the same side of a threshold.
    if (counted.scores[i + 1] === threshold) return;
    const point = pointAt(counted, { threshold, shown: i + 1 });
    if (point.f1 > best.f1) best = point;
  });
  return best;
}

/** Precision, recall and F1 at scores 0, .02, … 1. */
export function operatingCurve(scene: MatchedScene): OperatingPoint[] {
  const counted = countByScore(scene);
  let shown = counted.scores.length;
  return Array.from({ length: 51 }, (_, i) => {
    const threshold = i / 50;
    while (shown > 0 && counted.scores[shown - 1]! < threshold) shown--;
    return pointAt(counted, { threshold, shown });
  });
}

/** Cumulative true positives in descending order of score, without ignored detections. */
function countByScore({ matched, detections }: MatchedScene): Counted {
  const shown = matched.flatMap(({ found, areas }) =>
    Array.from(found, (index, d) => ({
      score: detections[index]!.score,
      outcome: areas.all.values[d]!,
    })).filter(({ outcome }) => outcome >= 0),
  );
  shown.sort((a, b) => b.score - a.score);
  let sum = 0;
  return {
    scores: Float64Array.from(shown, ({ score }) => score),
    hits: Uint32Array.from(shown, ({ outcome }) => (sum += outcome)),
    positives: matched.reduce((total, { areas }) => total + areas.all.positives, 0),
  };
}

function pointAt(
  { hits: counts, positives }: Counted,
  { threshold, shown }: { threshold: number; shown: number },
): OperatingPoint {
  const hits = shown === 0 ? 0 : counts[shown - 1]!;
  const either = shown + positives;
  return {
    threshold,
    precision: shown === 0 ? 0 : hits / shown,
    recall: positives === 0 ? 0 : hits / positives,
    f1: either === 0 ? 0 : (2 * hits) / either,
    accuracy: either === hits ? 0 : hits / (either - hits),
  };
}
