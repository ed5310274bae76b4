import { rm } from 'node:fs/promises';
import type { TrainInput, TrainResult } from '../formats/train-io.js';
import { removeCheckpoints } from '../store/checkpoints.js';
import type { StageEnvironment } from './context.js';
import { keyOf } from './keys.js';
import { guardingProgress } from './progress-guard.js';
import { findFinished, reuseOrRun } from './reuse.js';
import { sharedFolder } from './work-folder.js';

/** Trains a detector; the artifact holds its newest and its best checkpoint. */
export async function train(input: TrainInput, environment: StageEnvironment): Promise<TrainResult> {
  const { settings, store, runJob } = environment;
  const key = await keyOf('train', input, settings);
  const teacherCacheFolder = sharedFolder(settings, `teacher-${key.slice(0, 16)}`);
  const undistilledAP = await undistilledAPOf(input, environment);
  const result = await reuseOrRun({ kind: 'train', key }, environment, folder =>
    guardingProgress(environment, () =>
      runJob({ kind: 'train', input, key, undistilledAP, folder, teacherCacheFolder }, environment),
    ),
  );
  // The artifact holds all that the checkpoints held.
  await removeCheckpoints(store, key);
  await rm(teacherCacheFolder, { recursive: true, force: true });
  return result;
}

/** The AP of the same student trained without its teacher, by a run that has finished; null: none has. */
async function undistilledAPOf(
  input: TrainInput,
  { settings, store }: StageEnvironment,
): Promise<number | null> {
  if (!input.teacher) return null;
  const key = await keyOf('train', { ...input, teacher: null, online: null }, settings);
  return (await findFinished(store, 'train', key))?.result.metrics.AP ?? null;
}
