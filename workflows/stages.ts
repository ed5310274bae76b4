import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { createControlActivities, createGpuActivities } from '../activities/index.js';
import { QUEUES } from '../src/pipeline.js';

type ControlActivities = ReturnType<typeof createControlActivities>;
type GpuActivities = ReturnType<typeof createGpuActivities>;

/** The stage is over when its process has saved and stopped, not when it was asked to. (The SDK's own default differs.) */
const SHARED: ActivityOptions = {
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  heartbeatTimeout: '60s',
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '5m', maximumAttempts: 10 },
};

const TRAINING: ActivityOptions = {
  ...SHARED,
  startToCloseTimeout: '48h',
  scheduleToCloseTimeout: '7d',
  // Every restart of a worker costs an attempt: long training must not run out of them.
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '10m' },
};

export const { clean, advise, publish } = proxyActivities<ControlActivities>({
  ...SHARED,
  taskQueue: QUEUES.control,
  startToCloseTimeout: '6h',
});
export const { exportModel, evaluate } = proxyActivities<GpuActivities>({
  ...SHARED,
  taskQueue: QUEUES.gpu,
  startToCloseTimeout: '4h',
});
export const { train } = proxyActivities<GpuActivities>({ ...TRAINING, taskQueue: QUEUES.gpu });
