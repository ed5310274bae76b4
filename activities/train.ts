import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { errors } from '../src/errors.js';
import type { StageProgress, TrainInput, TrainResult } from '../src/pipeline.js';
import { removeCheckpoints } from '../src/store/checkpoints.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';
import { trainKey } from './keys.js';
import { reuseOrRun } from './reuse.js';
import { runTrainer } from './trainer-process.js';

type Facts = Omit<TrainResult, 'artifact' | 'reused' | 'seconds'>;

export const createTrain =
  ({ settings, store }: Dependencies) =>
  (input: TrainInput): Promise<TrainResult> =>
    asActivity(async ({ signal, onProgress, last }) => {
      const key = trainKey(input);
      const begun = countAttempt(last);
      const folder = join(settings.home, 'work', `train-${key}`);
      const result = await reuseOrRun<TrainResult>(store, { kind: 'train', key }, async () => {
        const facts = await runTrainer<Facts>(
          { kind: 'train', input, key, folder },
          { settings, signal, onProgress: (progress: StageProgress) => onProgress({ ...progress, begun }) },
        );
        return { folder, facts };
      });
      // The artifact holds all that the checkpoints held.
      await removeCheckpoints(store, key);
      await rm(folder, { recursive: true, force: true });
      return result;
    });

const MAX_ATTEMPTS = 3;

/** Attempts that begin where the last one began get nowhere: after three the run ends with that reason. */
function countAttempt(last: StageProgress | undefined): { step: number; attempts: number } {
  const step = last?.checkpoint?.step ?? 0;
  const attempts = last?.begun?.step === step ? last.begun.attempts + 1 : 1;
  if (attempts > MAX_ATTEMPTS) throw errors.noProgress(step);
  return { step, attempts };
}
