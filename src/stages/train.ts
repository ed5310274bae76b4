import { rm } from 'node:fs/promises';
import type { TrainInput, TrainResult } from '../formats/stage-io.js';
import { removeCheckpoints } from '../store/checkpoints.js';
import { asActivity } from '../../activities/context.js';
import type { Dependencies } from './dependencies.js';
import { trainKey } from './keys.js';
import { guardingProgress } from './progress-guard.js';
import { type FactsOf, reuseOrRun } from './reuse.js';
import { runTrainer } from '../trainer/process.js';
import { sharedFolder } from './work-folder.js';

export const createTrain =
  (dependencies: Dependencies) =>
  (input: TrainInput): Promise<TrainResult> =>
    asActivity(async context => {
      const key = trainKey(input);
      const stage = { kind: 'train', key, context } as const;
      const answers = sharedFolder(dependencies.settings, `answers-${key.slice(0, 16)}`);
      const result = await reuseOrRun<TrainResult>(dependencies, stage, folder =>
        guardingProgress(context, () =>
          runTrainer<FactsOf<TrainResult>>(
            { kind: 'train', input, key, folder, answers },
            { ...dependencies, ...context },
          ),
        ),
      );
      // The artifact holds all that the checkpoints held.
      await removeCheckpoints(dependencies.store, key);
      await rm(answers, { recursive: true, force: true });
      return result;
    });
