import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { createControlActivities, createGpuActivities } from '../activities/index.js';
import { QUEUES, type StageName } from '../src/stages/stages.js';

export type Activities = ReturnType<typeof createControlActivities> & ReturnType<typeof createGpuActivities>;

/** A stage, or what stands before and after all of them. */
export type Step = StageName | 'check' | 'publish';

const SHARED = {
  // The stage is over when its process has saved and stopped, not when it was asked to; the SDK's own default differs.
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: {
    initialInterval: '2s',
    backoffCoefficient: 2,
    maximumInterval: '5m',
    maximumAttempts: 10,
    // Of Temporal's own making; errors of the catalogue say themselves whether another attempt may help.
    nonRetryableErrorTypes: ['PayloadsTooLarge'],
  },
} satisfies ActivityOptions;

/** Every restart of a worker costs an attempt: long training must not run out of them. */
const UNLIMITED = { ...SHARED.retry, maximumAttempts: undefined, maximumInterval: '10m' } as const;

// Heartbeats say that a stage advances, so the time that a whole attempt may take is only a last resort.
const CONTROL = { taskQueue: QUEUES.control, heartbeatTimeout: '30s' } satisfies ActivityOptions;
const GPU = { taskQueue: QUEUES.gpu, heartbeatTimeout: '30s' } satisfies ActivityOptions;

const OPTIONS = {
  check: { ...CONTROL, startToCloseTimeout: '2m' },
  clean: { ...CONTROL, startToCloseTimeout: '1d' },
  train: { ...GPU, startToCloseTimeout: '30d', retry: UNLIMITED },
  // Before training that waits, too: they are short.
  export: { ...GPU, startToCloseTimeout: '2h', priority: { priorityKey: 1 } },
  evaluate: { ...GPU, startToCloseTimeout: '1d', priority: { priorityKey: 1 } },
  advise: { ...CONTROL, startToCloseTimeout: '1h' },
  publish: { ...CONTROL, startToCloseTimeout: '6h' },
} satisfies Readonly<Record<string, ActivityOptions>>;

/** The activities as one step of a run calls them, under its name. */
export function activitiesOf(step: Step): Activities {
  // The first word of every step is a row of the table.
  const kind = step.split('-')[0] as keyof typeof OPTIONS;
  return proxyActivities<Activities>({ ...SHARED, ...OPTIONS[kind], activityId: step, summary: step });
}
