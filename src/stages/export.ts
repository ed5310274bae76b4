import { readModelCard } from '../formats/model-card.js';
import { assertSameClasses } from '../formats/model-card.js';
import { fetchModel } from '../store/fetch-model.js';
import type { ExportInput, ExportResult } from '../formats/stage-io.js';
import { asActivity } from '../../activities/context.js';
import type { Dependencies } from './dependencies.js';
import { exportKey } from './keys.js';
import { reuseOrRun } from './reuse.js';
import { runTrainer } from '../trainer/process.js';

export const createExport =
  (dependencies: Dependencies) =>
  (given: ExportInput): Promise<ExportResult> =>
    asActivity(async context => {
      const { cacheFolder, s3 } = dependencies.settings;
      let input = given;
      if ('folder' in given.trained) {
        const folder = await fetchModel(given.trained.folder, { cacheFolder, s3, ...context });
        // Before anything is reused or trained.
        assertSameClasses((await readModelCard(folder)).classes, given.classes);
        input = { ...given, trained: { folder } };
      }
      const stage = { kind: 'export', key: await exportKey(input), context } as const;
      return reuseOrRun<ExportResult>(dependencies, stage, async folder => {
        const trained =
          'folder' in input.trained ? input.trained.folder : await dependencies.store.open(input.trained);
        const job = { kind: 'export', trained, image_size: input.image_size, folder } as const;
        await runTrainer(job, { ...dependencies, ...context });
        return {};
      });
    });
