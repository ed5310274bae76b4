import { localData } from '../data/bucket.js';
import { cleanDataset } from '../data/cleaning/clean.js';
import type { CleanInput, CleanResult } from '../formats/stage-io.js';
import { asActivity } from '../../activities/context.js';
import type { Dependencies } from './dependencies.js';
import { cleanKey } from './keys.js';
import { reuseOrRun } from './reuse.js';

export const createClean =
  (dependencies: Dependencies) =>
  (input: CleanInput): Promise<CleanResult> =>
    asActivity(async context => {
      const stage = { kind: 'clean', key: await cleanKey(input, dependencies.settings.s3), context } as const;
      return reuseOrRun<CleanResult>(dependencies, stage, async outFolder => {
        const data = await localData(input.data, { ...dependencies.settings, ...context });
        const { classes, splits, dropped, changed } = await cleanDataset({ data, outFolder, ...context });
        const { train, eval: evaluation } = splits;
        const boxes = train.boxes + evaluation.boxes;
        return { classes, counts: { train: train.images, eval: evaluation.images, boxes, dropped, changed } };
      });
    });
