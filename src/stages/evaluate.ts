import type { EvaluateInput, EvaluateResult } from './stages.js';
import type { StageEnvironment } from './context.js';
import { keyOf } from './keys.js';
import { reuseOrRun } from './reuse.js';

/** Evaluates a model on the evaluation and the test split; the artifact holds the report, the detections and images with boxes. */
export async function evaluate(input: EvaluateInput, environment: StageEnvironment): Promise<EvaluateResult> {
  const { settings, store, runJob } = environment;
  const key = await keyOf('evaluate', input, settings);
  return reuseOrRun({ kind: 'evaluate', key }, environment, async folder => {
    const [model, dataset] = [await store.open(input.model), await store.open(input.dataset)];
    const job = { kind: 'evaluate', model, dataset, batchSize: input.batchSize, folder } as const;
    return runJob(job, environment);
  });
}
