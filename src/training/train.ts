import { MIN_TEACHER_LEAD } from '../config/distillation.js';
import { errors } from '../errors/index.js';
import { WEIGHT_OF, weightOfTerm } from '../formats/training-history.js';
import { commit, publish, rollBack } from './checkpoint.js';
import { Divergence, DivergenceCheck } from './divergence.js';
import { evaluate } from './evaluation.js';
import { loadInitialState } from './resume.js';
import { compareLossWithStart, noteLargeTerms } from './loss-notes.js';
import { batchesOf, closeRun, openRun, openTeacherCache, startRun } from './setup.js';
import { scalarsAt, type StepScalars } from './step-scalars.js';
import {
  softTermsOf,
  softWeightsOf,
  type TrainingRun,
  type TrainOptions,
  type TrainOutcome,
} from './training-run.js';

/** Trains one detector into a folder, from its newest committed checkpoint where there is one. */
export async function trainModel(options: TrainOptions): Promise<TrainOutcome> {
  options.onProgress({ phase: 'start', step: 0, totalSteps: 0 });
  const initial = await loadInitialState(options);
  const run = await openRun(options, initial);
  try {
    await startRun(run, initial);
    for (;;)
      try {
        await trainSteps(run);
        return await finish(run);
      } catch (error) {
        if (!(error instanceof Divergence)) throw error;
        await rollBack(run, error);
      }
  } finally {
    await closeRun(run);
  }
}

/** Trains until the last step. @throws Divergence */
async function trainSteps(run: TrainingRun): Promise<void> {
  const { options, session, state, journal } = run;
  const { training, mode, seed } = options.input;
  const teacherCache = await openTeacherCache(run);
  const divergence = new DivergenceCheck(state.saved.lowest_losses);
  journal.startClock();
  for await (const batch of batchesOf(run)) {
    await stopIfAsked(run);

    // One step: forward, backward and update are one call of the recorded program.
    const scalars = scalarsOf(run);
    const teacher = teacherCache && (await teacherCache.outputsFor(batch));
    const values = await session.step(batch, { seed, scalars, teacher });

    divergence.judge(values, batch.numPositives);

    const logged = { values: withWeights(values, run, scalars), learningRate: scalars.learning_rate };
    state.advance(logged);
    noteLargeTerms(run);
    journal.step(logged, teacherCache?.inference);

    if (state.isFinished) break;
    if (mode === 'train_and_eval' && state.isEndOfEpochs(training.map_freq)) {
      await evaluate(run);
      endTeachingWhereDue(run);
    }
    if (Date.now() - state.committedAt >= training.checkpoint_interval_seconds * 1000) await commit(run);
  }
}

async function stopIfAsked(run: TrainingRun): Promise<void> {
  // A step blocks the event loop: this lets messages in, and the signal change.
  await new Promise(resolve => setImmediate(resolve));
  if (!run.options.signal.aborted) return;
  await commit(run);
  throw errors.stopped(run.state.step);
}

function scalarsOf({ options: { input }, state: { saved } }: TrainingRun): StepScalars {
  const { hparams, train_batch_size: batchSize } = input.training;
  const { stepsPerEpoch, totalSteps } = saved.history;
  const online = input.online && { hasPrevious: saved.has_previous };
  return scalarsAt({
    step: saved.step,
    hparams,
    batchSize,
    stepsPerEpoch,
    totalSteps,
    softWeights: softWeightsOf(input),
    backoff: saved.backoff,
    averages: saved.loss_averages,
    taughtUntil: saved.taught_until,
    online,
  });
}

/** The values of a step with the weights that the terms of distillation had in it. */
function withWeights(
  values: Readonly<Record<string, number>>,
  { options: { input } }: TrainingRun,
  scalars: StepScalars,
): Record<string, number> {
  const weights = softTermsOf(input).map(term => [weightOfTerm(term), scalars[WEIGHT_OF[term]]] as const);
  return { ...values, ...Object.fromEntries(weights) };
}

/** Ends distillation where the student has come up to its teacher, which could then only hold it back. */
function endTeachingWhereDue({ options: { teacher }, state, journal }: TrainingRun): void {
  const { step, saved } = state;
  const AP = saved.history.evaluations.at(-1)?.metrics.AP;
  if (!teacher || AP === undefined || saved.taught_until !== null || AP < teacher.AP - MIN_TEACHER_LEAD)
    return;
  saved.taught_until = step;
  journal.note(
    `step ${step}: AP ${AP.toFixed(3)} has come up to the teacher's ${teacher.AP.toFixed(3)}; distillation ends`,
  );
}

/** Evaluates the last step, where that is still to do, and leaves the artifact in the folder. @throws Divergence, TRAINING_DIVERGED */
async function finish(run: TrainingRun): Promise<TrainOutcome> {
  const { step, saved } = run.state;
  compareLossWithStart(run);
  if (saved.history.evaluations.at(-1)?.step !== step) await evaluate(run);
  await publish(run);
  const { evaluations, rollbacks, warnings } = saved.history;
  const best = saved.best!; // set by the first evaluation
  return {
    metrics: best.metrics,
    steps: step,
    bestStep: best.step,
    last: evaluations.at(-1)!.metrics, // of this step
    evaluations: evaluations.length,
    rollbacks: rollbacks.length,
    warnings,
  };
}
