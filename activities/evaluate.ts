import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CocoMetrics, EvaluateInput, EvaluateResult } from '../src/pipeline.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';
import { evaluateKey } from './keys.js';
import { reuseOrRun } from './reuse.js';
import { runTrainer } from './trainer-process.js';

export const createEvaluate =
  ({ settings, store }: Dependencies) =>
  (input: EvaluateInput): Promise<EvaluateResult> =>
    asActivity(async ({ signal, onProgress }) => {
      const key = evaluateKey(input);
      const folder = join(settings.home, 'work', `evaluate-${key}`);
      return reuseOrRun<EvaluateResult>(store, { kind: 'evaluate', key }, async () => {
        const [model, dataset] = [await store.open(input.model), await store.open(input.dataset)];
        const metrics = await runTrainer<CocoMetrics>(
          { kind: 'evaluate', model, dataset, batchSize: input.batchSize, folder },
          { settings, signal, onProgress },
        );
        return { folder, facts: { metrics } };
      }).finally(() => rm(folder, { recursive: true, force: true }));
    });
