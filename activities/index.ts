import { advise } from '../src/stages/advise.js';
import { clean } from '../src/stages/clean.js';
import type { Dependencies, StageEnvironment } from '../src/stages/context.js';
import { evaluate } from '../src/stages/evaluate.js';
import { exportModel } from '../src/stages/export.js';
import { checkOutput, publish } from '../src/stages/publish.js';
import { train } from '../src/stages/train.js';
import { asActivity } from './context.js';

type Work<I, R> = (input: I, environment: StageEnvironment) => Promise<R>;

/** The work of a stage as an activity. */
const activity =
  <I, R>(dependencies: Dependencies, work: Work<I, R>) =>
  (input: I): Promise<R> =>
    asActivity(context => work(input, { ...dependencies, ...context }));

/** Activities of the control queue: no TensorFlow. */
export const createControlActivities = (dependencies: Dependencies) => ({
  checkOutput: activity(dependencies, checkOutput),
  clean: activity(dependencies, clean),
  advise: activity(dependencies, advise),
  publish: activity(dependencies, publish),
});

/** Activities of the GPU queue: each runs in a TensorFlow process. */
export const createGpuActivities = (dependencies: Dependencies) => ({
  train: activity(dependencies, train),
  exportModel: activity(dependencies, exportModel),
  evaluate: activity(dependencies, evaluate),
});

export type Activities = ReturnType<typeof createControlActivities> & ReturnType<typeof createGpuActivities>;
