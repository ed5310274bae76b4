import { rm, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanDataset } from '../src/data/cleaning/clean.js';
import type { CleanInput, CleanResult } from '../src/pipeline.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';
import { cleanKey } from './keys.js';
import { reuseOrRun } from './reuse.js';

export const createClean =
  ({ settings, store }: Dependencies) =>
  (input: CleanInput): Promise<CleanResult> =>
    asActivity(async ({ signal, onProgress }) => {
      const key = await cleanKey(input);
      const outFolder = join(settings.home, 'work', `clean-${key}`);
      return reuseOrRun<CleanResult>(store, { kind: 'clean', key }, async () => {
        await rm(outFolder, { recursive: true, force: true });
        await mkdir(outFolder, { recursive: true });
        const { classes, splits, dropped, changed } = await cleanDataset({
          data: input.data,
          outFolder,
          signal,
          onProgress,
        });
        const counts = {
          train: splits.train.images,
          eval: splits.eval.images,
          boxes: splits.train.boxes + splits.eval.boxes,
          dropped,
          changed,
        };
        return { folder: outFolder, facts: { classes, counts } };
      }).finally(() => rm(outFolder, { recursive: true, force: true }));
    });
