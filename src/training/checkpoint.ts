import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errors, firstFew } from '../errors/index.js';
import { exists } from '../files/walk.js';
import type { Backoff } from '../formats/training-history.js';
import { ARCHIVE, checkpointPrefix, readState, writeSnapshot } from '../formats/training-state.js';
import { nonFiniteTensors } from '../model/weights/tf-checkpoint.js';
import {
  type Checkpoint,
  commitCheckpoint,
  newestCheckpoint,
  removeCheckpointsAfter,
} from '../store/checkpoints.js';
import { Divergence } from './divergence.js';
import type { TrainingRun } from './training-run.js';

const KEPT_CHECKPOINTS = 2;
/** The number of roll-backs within `FORGIVEN_AFTER` steps after which training gives up. */
const MAX_ROLLBACKS = 3;
const FORGIVEN_AFTER = 1000;
/** A divergence so few steps after the last one is the same again: the answer to that one was not enough. */
const REPEATED_WITHIN = 50;

/**
 * Saves tensors, and reads them back: steps use the statistics of their batch, so that a moving statistic that is not finite shows in
 * no loss.
 *
 * @throws Divergence
 */
export async function saveFinite(prefix: string, save: (prefix: string) => Promise<void>): Promise<void> {
  await save(prefix);
  const bad = await nonFiniteTensors(prefix);
  if (bad.length > 0) throw new Divergence(`${firstFew(bad)}: not finite`, 'training');
}

/** Makes the folder as it is now the checkpoint of this step. It is committed first and announced after. @throws Divergence */
export async function commit(run: TrainingRun): Promise<void> {
  const { state, session, journal } = run;
  const { store, stageKey, folder } = run.options;
  journal.report('checkpoint');
  journal.flush();
  await writeSnapshot(folder, state.saved, prefix => saveFinite(prefix, to => session.save(to)));
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

/**
 * Returns to a checkpoint after a divergence, and lowers what it came from: the learning rate or the weights of distillation. Where
 * the same happens again, the newest checkpoint may hold the cause: training returns to the one before, and lowers both.
 *
 * @throws TRAINING_DIVERGED, CHECKPOINTS_LOST
 */
export async function rollBack(run: TrainingRun, { reason, divergedIn }: Divergence): Promise<void> {
  const { state, session, journal, options } = run;
  const { step } = state;
  const { rollbacks } = state.saved.history;
  const recent = rollbacks.filter(rollback => rollback.step > step - FORGIVEN_AFTER);
  if (recent.length >= MAX_ROLLBACKS) throw errors.diverged({ step, rollbacks: recent.length, reason });
  const last = rollbacks.at(-1);
  const isRepeated = last !== undefined && step <= last.step + REPEATED_WITHIN;
  const { folder, step: to } = await checkpointToReturnTo(run, isRepeated);
  const saved = await readState(folder);
  const isTaught = options.input.teacher !== null || options.input.online !== null;
  const isLowered = (cause: Divergence['divergedIn']): boolean =>
    isRepeated || divergedIn === cause || divergedIn === 'unknown';
  const lower = (factor: number, isDue: boolean): number => (isDue ? factor / 2 : factor);
  const backoff: Backoff = {
    learning_rate: lower(state.saved.backoff.learning_rate, isLowered('training')),
    distillation: lower(state.saved.backoff.distillation, isTaught && isLowered('distillation')),
  };
  state.saved = {
    ...saved,
    backoff,
    // A checkpoint from just before a divergence must not make large losses the usual ones.
    lowest_losses: state.saved.lowest_losses,
    history: {
      ...saved.history,
      warnings: state.saved.history.warnings,
      rollbacks: [...rollbacks, { step, reason, to, backoff }],
    },
  };
  await restoreArchive(folder, options.folder);
  await session.restore(checkpointPrefix(folder, saved.step));
  journal.note(`warning: step ${step}: ${reason}; back to step ${to} with ${describe(backoff)}`);
  // Committed at once: after a crash the smaller factors and the warning must still be there.
  await commit(run);
  await removeCheckpointsAfter(options.store, options.stageKey, to);
}

const describe = ({ learning_rate, distillation }: Backoff): string =>
  [
    learning_rate < 1 && `learning rate × ${learning_rate}`,
    distillation < 1 && `distillation weights × ${distillation}`,
  ]
    .filter(Boolean)
    .join(', ');

async function checkpointToReturnTo(
  { options: { store, stageKey }, state: { step } }: TrainingRun,
  isRepeated: boolean,
): Promise<Checkpoint> {
  const newest = await newestCheckpoint(store, stageKey);
  if (!newest.checkpoint) throw errors.checkpointsLost(step, newest.skipped);
  if (!isRepeated) return newest.checkpoint;
  const earlier = await newestCheckpoint(store, stageKey, { before: newest.checkpoint.step });
  return earlier.checkpoint ?? newest.checkpoint;
}

/** The archive belongs to the best evaluation of the state that training returns to, which may be an earlier one. */
async function restoreArchive(from: string, to: string): Promise<void> {
  await rm(join(to, ARCHIVE), { recursive: true, force: true });
  if (await exists(join(from, ARCHIVE)))
    await cp(join(from, ARCHIVE), join(to, ARCHIVE), { recursive: true });
}

/** Leaves the artifact of the finished training in the folder: its checkpoint is of the detector alone. @throws Divergence */
export async function publish({ options, state, session, journal }: TrainingRun): Promise<void> {
  journal.flush();
  await writeSnapshot(options.folder, state.saved, prefix => saveFinite(prefix, to => session.publish(to)));
}
