import { createAdvise } from './advise.js';
import { createClean } from './clean.js';
import type { Dependencies } from './dependencies.js';
import { createEvaluate } from './evaluate.js';
import { createExport } from './export.js';
import { createCheckOutput, createPublish } from './publish.js';
import { createTrain } from './train.js';

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
