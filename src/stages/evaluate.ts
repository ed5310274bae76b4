import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { EvaluateInput, EvaluateResult } from '../formats/stage-io.js';
import { asActivity } from '../../activities/context.js';
import type { Dependencies } from './dependencies.js';
import { evaluateKey } from './keys.js';
import { reuseOrRun } from './reuse.js';
import { runTrainer } from '../trainer/process.js';

export const createEvaluate =
  (dependencies: Dependencies) =>
  (input: EvaluateInput): Promise<EvaluateResult> =>
    asActivity(context => {
      const stage = { kind: 'evaluate', key: evaluateKey(input), context } as const;
      return reuseOrRun<EvaluateResult>(dependencies, stage, async folder => {
        const { store } = dependencies;
        const [model, dataset] = [await store.open(input.model), await store.open(input.dataset)];
        const job = { kind: 'evaluate', model, dataset, batchSize: input.batchSize, folder } as const;
        return { metrics: await runTrainer<CocoMetrics>(job, { ...dependencies, ...context }) };
      });
    });
