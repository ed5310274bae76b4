import { join } from 'node:path';
import { rm } from 'node:fs/promises';
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
    asActivity(async ({ signal, onProgress }) => {
      const key = trainKey(input);
      const folder = join(settings.home, 'work', `train-${key}`);
      const result = await reuseOrRun<TrainResult>(store, { kind: 'train', key }, async () => {
        const facts = await runTrainer<Facts>(
          { kind: 'train', input, key, folder },
          { settings, signal, onProgress: (progress: StageProgress) => onProgress(progress) },
        );
        return { folder, facts };
      });
      // The artifact holds all that the checkpoints held.
      await removeCheckpoints(store, key);
      await rm(folder, { recursive: true, force: true });
      return result;
    });
