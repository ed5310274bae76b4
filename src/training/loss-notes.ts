import { errors } from '../errors/index.js';
import { lossWithoutDistillation } from '../formats/training-history.js';
import { describeLargeTerm } from './soft-weights.js';
import { softTermsOf, softWeightsOf, type TrainingRun } from './training-run.js';

/** The first steps say little about the size of a term: at most so many, and at most a quarter of the run. */
const SETTLING_STEPS = 200;

/** Notes once that a distillation term is large, or that its automatic weight was lowered. */
export function noteLargeTerms({ options: { input }, state, journal }: TrainingRun): void {
  const weights = softWeightsOf(input);
  if (!weights || state.step < Math.min(SETTLING_STEPS, state.totalSteps / 4)) return;
  for (const term of softTermsOf(input)) {
    const note = describeLargeTerm(term, weights, state.saved.loss_averages);
    if (note !== null) journal.noteOnce(term, note);
  }
}

/** The logged points at the start and at the end of a training that are compared. */
const COMPARED_POINTS = 5;
/** A loss that ends this many times higher than it began has diverged, however slowly. */
const WORSE = 2;

/**
 * Compares the loss at the end with that at the start: without the terms of distillation, whose weights change.
 *
 * @throws TRAINING_DIVERGED: it is twice as high or more
 */
export function compareLossWithStart({ state, journal }: TrainingRun): void {
  const losses = state.saved.history.points.map(point => lossWithoutDistillation(point.losses));
  const [start, end] = [median(losses.slice(0, COMPARED_POINTS)), median(losses.slice(-COMPARED_POINTS))];
  if (start === undefined || end === undefined || end <= start) return;
  if (end >= WORSE * start) throw errors.endedWorse({ step: state.step, start, end });
  journal.note(
    `warning: the loss ends at ${end.toPrecision(3)}, above the ${start.toPrecision(3)} that it began with: lower hparams.learning_rate`,
  );
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
