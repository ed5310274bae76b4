import { cp } from 'node:fs/promises';
import { errors } from '../errors/index.js';
import { checkpointPrefix, readState, writeSnapshot } from '../formats/training-state.js';
import { type Checkpoint, commitCheckpoint, newestCheckpoint } from '../store/checkpoints.js';
import { softWeightsOf, type TrainingRun } from './training-run.js';

const KEPT_CHECKPOINTS = 2;
const MAX_ROLLBACKS = 3;

/** Makes the folder as it is now the checkpoint of this step. It is committed first and announced after. */
export async function commit(run: TrainingRun): Promise<void> {
  const { state, session, journal } = run;
  const { store, stageKey, folder } = run.options;
  journal.report('checkpoint');
  journal.flush();
  await writeSnapshot(folder, state.saved, prefix => session.save(prefix));
  const { step } = state;
  const artifact = await commitCheckpoint(store, stageKey, { step, folder, keep: KEPT_CHECKPOINTS });
  state.checkpoint = { step, artifact };
  state.committedAt = Date.now();
  journal.report('train');
}

/** Continues from a checkpoint whose state the run already has. */
export async function restore(run: TrainingRun, checkpoint: Checkpoint): Promise<void> {
  const { state, session, journal } = run;
  const { folder } = run.options;
  await cp(checkpoint.folder, folder, { recursive: true });
  state.checkpoint = { step: checkpoint.step, artifact: checkpoint.artifact };
  await session.restore(checkpointPrefix(folder, state.step));
  journal.report('restore', { note: `goes on from step ${state.step}` });
}

/** Returns to the last checkpoint after a diverged step, and halves the backoff factor. */
export async function rollBack(run: TrainingRun, reason: string): Promise<void> {
  const { state, session, journal, options } = run;
  const { step } = state;
  const { rollbacks } = state.saved.history;
  if (rollbacks.length >= MAX_ROLLBACKS) throw errors.diverged({ step, rollbacks: rollbacks.length, reason });
  const { checkpoint, skipped } = await newestCheckpoint(options.store, options.stageKey);
  if (!checkpoint) throw errors.checkpointsLost(step, skipped);
  const saved = await readState(checkpoint.folder);
  const backoffFactor = state.saved.backoff_factor / 2;
  state.saved = {
    ...saved,
    backoff_factor: backoffFactor,
    history: { ...saved.history, rollbacks: [...rollbacks, { step, reason, backoffFactor }] },
  };
  await session.restore(checkpointPrefix(checkpoint.folder, saved.step));
  // Committed at once: after a crash the smaller factor must still hold.
  await commit(run);
  const scaled = softWeightsOf(options.input) ? 'distillation weights' : 'learning rate';
  journal.note(`step ${step}: ${reason}; back to step ${saved.step} with ${scaled} × ${backoffFactor}`);
}

/** Leaves the artifact of the finished training in the folder: its checkpoint is of the detector alone. */
export async function publish({ options, state, session, journal }: TrainingRun): Promise<void> {
  journal.flush();
  await writeSnapshot(options.folder, state.saved, prefix => session.publish(prefix));
}
