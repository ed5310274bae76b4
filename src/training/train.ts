import { errors } from '../errors/index.js';
import { commit, publish, rollBack } from './checkpoint.js';
import { createDivergenceCheck } from './divergence.js';
import { evaluate } from './evaluation.js';
import { loadInitialState } from './resume.js';
import { burnInSteps } from './schedule.js';
import { batchesOf, closeRun, openRun, openTeacherCache, startRun } from './setup.js';
import { scalarsAt, type StepScalars } from './step-scalars.js';
import { softWeightsOf, type TrainingRun, type TrainOptions, type TrainOutcome } from './training-run.js';

/** Trains one detector into a folder, from its newest committed checkpoint where there is one. */
export async function trainModel(options: TrainOptions): Promise<TrainOutcome> {
  options.onProgress({ phase: 'start', step: 0, totalSteps: 0 });
  const initial = await loadInitialState(options);
  const run = await openRun(options, initial);
  try {
    await startRun(run, initial);
    while (!run.state.isFinished) {
      const problem = await trainSteps(run);
      if (problem !== null) await rollBack(run, problem);
    }
    return await finish(run);
  } finally {
    await closeRun(run);
  }
}

/** Trains until the last step, or until a step diverges. @returns why it did; null: all steps are done */
async function trainSteps(run: TrainingRun): Promise<string | null> {
  const { options, session, state, journal } = run;
  const { training, mode, seed } = options.input;
  const teacherCache = await openTeacherCache(run);
  const problemOf = createDivergenceCheck();
  journal.startClock();
  for await (const batch of batchesOf(run)) {
    await stopIfAsked(run);

    // One step: forward, backward and update are one call of the recorded program.
    const scalars = scalarsOf(run);
    const teacher = teacherCache && (await teacherCache.outputsFor(batch));
    const values = await session.step(batch, { seed, scalars, teacher });

    const problem = problemOf(values);
    if (problem !== null) return problem;

    const logged = { values, learningRate: scalars.learning_rate };
    state.advance(logged);
    journal.step(logged, teacherCache?.inference);

    if (state.isFinished) break;
    if (mode === 'train_and_eval' && state.isEndOfEpoch) await evaluate(run);
    if (Date.now() - state.committedAt >= training.checkpoint_interval_seconds * 1000) await commit(run);
  }
  return null;
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
  const isUntaught = input.online !== null && !saved.has_previous;
  return scalarsAt({
    step: saved.step,
    hparams,
    batchSize,
    stepsPerEpoch,
    totalSteps,
    softWeights: softWeightsOf(input),
    burnIn: isUntaught ? burnInSteps({ totalSteps }) : 0,
    backoffFactor: saved.backoff_factor,
  });
}

/** Evaluates the last step, where that is still to do, and leaves the artifact in the folder. */
async function finish(run: TrainingRun): Promise<TrainOutcome> {
  const { step, saved } = run.state;
  if (saved.history.evaluations.at(-1)?.step !== step) await evaluate(run);
  await publish(run);
  const { evaluations, rollbacks } = saved.history;
  const best = saved.best!; // set by the first evaluation
  return {
    metrics: best.metrics,
    steps: step,
    bestStep: best.step,
    last: evaluations.at(-1)!.metrics, // of this step
    evaluations: evaluations.length,
    rollbacks: rollbacks.length,
  };
}
