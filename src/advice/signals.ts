import type { LOSS_NAMES, TrainingHistory } from '../formats/training-history.js';

type LossName = (typeof LOSS_NAMES)[number];

/** The number of observations that give a confidence of one half. */
const HALF_CONFIDENCE = 30;

/** From 0 for no observation towards 1 for many. */
export const confidenceFrom = (n: number): number => n / (n + HALF_CONFIDENCE);

/** The finite values of a loss by step. */
function series({ points }: TrainingHistory, name: LossName): { step: number; value: number }[] {
  return points.flatMap(({ step, losses }) => {
    const value = losses[name];
    return typeof value === 'number' && Number.isFinite(value) ? [{ step, value }] : [];
  });
}

const LAST_SHARE = 0.1;
const MIN_POINTS = 20;

/** The last tenth of the logged points, at least 20; null: fewer were logged. */
function lastTenth(history: TrainingHistory, name: LossName): { step: number; value: number }[] | null {
  const all = series(history, name);
  const count = Math.max(MIN_POINTS, Math.round(all.length * LAST_SHARE));
  return all.length < count ? null : all.slice(-count);
}

/** The mean of a loss over the last tenth of the points; null: too few were logged. */
export function lastMean(history: TrainingHistory, name: LossName): { value: number; n: number } | null {
  const last = lastTenth(history, name);
  return last && { value: meanOf(last.map(({ value }) => value)), n: last.length };
}

/** The relative decrease of a loss per epoch over the last tenth, by linear regression; null: it is not significant. */
export function fallPerEpoch(history: TrainingHistory, name: LossName): { value: number; n: number } | null {
  const last = lastTenth(history, name);
  if (!last) return null;
  const middle = {
    step: meanOf(last.map(({ step }) => step)),
    value: meanOf(last.map(({ value }) => value)),
  };
  const spread = sumOf(last.map(({ step }) => (step - middle.step) ** 2));
  const slope = sumOf(last.map(({ step, value }) => (step - middle.step) * (value - middle.value))) / spread;
  const residual = sumOf(
    last.map(({ step, value }) => (value - middle.value - slope * (step - middle.step)) ** 2),
  );
  const standardError = Math.sqrt(residual / (last.length - 2) / spread);
  const isNoise = Math.abs(slope) <= 2 * standardError;
  if (isNoise || middle.value <= 0) return null;
  return { value: (-slope * history.stepsPerEpoch) / middle.value, n: last.length };
}

/** The number of points whose loss is not finite, or above ten times the median. */
export function countDivergedPoints(history: TrainingHistory): number {
  const finite = series(history, 'loss')
    .map(({ value }) => value)
    .sort((a, b) => a - b);
  const median = finite[Math.floor(finite.length / 2)] ?? Infinity;
  return history.points.filter(({ losses: { loss } }) => {
    if (loss === undefined) return false;
    return loss === null || !Number.isFinite(loss) || loss > 10 * median;
  }).length;
}

export const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const meanOf = (values: readonly number[]): number => sumOf(values) / values.length;
