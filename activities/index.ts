import { createAdvise } from '../src/stages/advise.js';
import { createClean } from '../src/stages/clean.js';
import type { Dependencies } from '../src/stages/dependencies.js';
import { createEvaluate } from '../src/stages/evaluate.js';
import { createExport } from '../src/stages/export.js';
import { createCheckOutput, createPublish } from '../src/stages/publish.js';
import { createTrain } from '../src/stages/train.js';

/** Activities of the control queue: no TensorFlow. */
export const createControlActivities = (dependencies: Dependencies) => ({
  checkOutput: createCheckOutput(dependencies),
  clean: createClean(dependencies),
  advise: createAdvise(dependencies),
  publish: createPublish(dependencies),
});

/** Activities of the GPU queue: each runs in a trainer process. */
export const createGpuActivities = (dependencies: Dependencies) => ({
  train: createTrain(dependencies),
  exportModel: createExport(dependencies),
  evaluate: createEvaluate(dependencies),
});
