import { rm } from 'node:fs/promises';
import type { TrainInput, TrainResult } from '../formats/stage-io.js';
import { removeCheckpoints } from '../store/checkpoints.js';
import type { StageEnvironment } from './context.js';
import { keyOf } from './keys.js';
import { guardingProgress } from './progress-guard.js';
import { type FactsOf, reuseOrRun } from './reuse.js';
import { sharedFolder } from './work-folder.js';

/** Trains a detector; the artifact holds its newest and its best checkpoint. */
export async function train(input: TrainInput, environment: StageEnvironment): Promise<TrainResult> {
  const { settings, store, runJob } = environment;
  const key = await keyOf('train', input, settings);
  const answers = sharedFolder(settings, `answers-${key.slice(0, 16)}`);
  const result = await reuseOrRun({ kind: 'train', key }, environment, folder =>
    guardingProgress(environment, () =>
      runJob<FactsOf<'train'>>({ kind: 'train', input, key, folder, answers }, environment),
    ),
  );
  // The artifact holds all that the checkpoints held.
  await removeCheckpoints(store, key);
  await rm(answers, { recursive: true, force: true });
  return result;
}
