import { defineConfig } from 'vitest/config';

/**
 * Suites that need more than this repository and its npm packages: TensorFlow, ONNX Runtime, Temporal, MinIO, Python,
 * the registry, or the built program. All others are unit suites: they run with an empty DETDISTILL_HOME, so that one
 * which needs anything of set-up fails.
 */
const INTEGRATION = [
  'test/package.test.ts',
  'test/activities/**/*.test.ts',
  'test/cli/{bad-input,main,serve}.test.ts',
  'test/data/{batches,bucket}.test.ts',
  'test/data/cleaning/perceptual-hash.test.ts',
  'test/detection/detect.test.ts',
  'test/e2e/**/*.test.ts',
  'test/evaluation/{coco,evaluate}.test.ts',
  'test/export/**/*.test.ts',
  'test/graph/{graph-text,kernels,mixed-precision}.test.ts',
  'test/inference/**/*.test.ts',
  'test/losses/**/*.test.ts',
  'test/model/{efficientdet,training-mode}.test.ts',
  'test/model/weights/{foreign,imagenet}.test.ts',
  'test/native/{addon,bin}.test.ts',
  'test/runs/{launch,runs}.test.ts',
  'test/serving/{lifecycle,rest}.test.ts',
  'test/stages/output-bucket.test.ts',
  'test/store/s3.test.ts',
  'test/trainer/**/*.test.ts',
  'test/training/{gradients,online,optimiser,step,teacher-outputs,train}.test.ts',
  'test/workers/**/*.test.ts',
  'test/workflows/**/*.test.ts',
];

const SUITES = 'test/**/*.test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // These end a test that hangs. They expect nothing of the machine: a test that needs a limit sets it on what it tests.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 300_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [SUITES],
          exclude: INTEGRATION,
          setupFiles: 'test/empty-home.ts',
          isolate: false,
        },
      },
      { extends: true, test: { name: 'integration', include: INTEGRATION, exclude: [] } },
    ],
  },
});
