/** The floating-point values of numpy.linspace(0, 1, 101). */
export const RECALLS = Float64Array.from({ length: 101 }, (_, i) => (i === 100 ? 1 : i * 0.01));

export interface RankedOutcomes {
  /** In descending order of score: 1 a true positive, 0 a false positive, -1 ignored. */
  readonly outcomes: Int8Array;
  /** In descending order. */
  readonly scores: Float64Array;
  readonly positives: number;
}

export interface RecallCurve {
  /** The highest precision at a recall of at least 0, .01, … 1. */
  readonly precision: Float64Array;
  /** The score at which that recall is reached; 0 where it never is. */
  readonly scores: Float64Array;
}

/** COCO's interpolated precision-recall curve. */
export function recallCurve({ outcomes, scores: ranked, positives }: RankedOutcomes): RecallCurve {
  const count = outcomes.length;
  const recall = new Float64Array(count);
  const envelope = new Float64Array(count);
  let [hits, falsePositives] = [0, 0];
  for (let i = 0; i < count; i++) {
    if (outcomes[i] === 1) hits++;
    else if (outcomes[i] === 0) falsePositives++;
    recall[i] = hits / positives;
    envelope[i] = hits / (falsePositives + hits + Number.EPSILON);
  }
  for (let i = count - 1; i > 0; i--) if (envelope[i]! > envelope[i - 1]!) envelope[i - 1] = envelope[i]!;
  const [precision, scores] = [new Float64Array(RECALLS.length), new Float64Array(RECALLS.length)];
  for (let r = 0, i = 0; r < RECALLS.length; r++) {
    while (i < count && recall[i]! < RECALLS[r]!) i++;
    if (i === count) break;
    precision[r] = envelope[i]!;
    scores[r] = ranked[i]!;
  }
  return { precision, scores };
}

/** -1 where there are no boxes. */
export const averagePrecision = (ranked: RankedOutcomes): number =>
  ranked.positives === 0 ? -1 : mean(recallCurve(ranked).precision);

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The mean of the defined values; -1 where there are none. */
export function meanOfDefined(values: readonly number[]): number {
  const defined = values.filter(value => value > -1);
  return defined.length === 0 ? -1 : mean(defined);
}
