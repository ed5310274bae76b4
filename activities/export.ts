import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportInput, ExportResult } from '../src/pipeline.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';
import { exportKey } from './keys.js';
import { reuseOrRun } from './reuse.js';
import { runTrainer } from './trainer-process.js';

export const createExport =
  ({ settings, store }: Dependencies) =>
  (input: ExportInput): Promise<ExportResult> =>
    asActivity(async ({ signal, onProgress }) => {
      const key = exportKey(input);
      const folder = join(settings.home, 'work', `export-${key}`);
      return reuseOrRun<ExportResult>(store, { kind: 'export', key }, async () => {
        const trained = await store.open(input.trained);
        await runTrainer(
          { kind: 'export', trained, image_size: input.image_size, folder },
          { settings, signal, onProgress },
        );
        return { folder, facts: {} };
      }).finally(() => rm(folder, { recursive: true, force: true }));
    });
