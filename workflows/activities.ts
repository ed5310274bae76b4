import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { QUEUES, schedulingOf, type StepName } from '../src/stages/stages.js';

const RETRY = {
  initialInterval: '2s',
  backoffCoefficient: 2,
  maximumInterval: '5m',
  maximumAttempts: 10,
  // Of Temporal's own making; errors of the catalogue say themselves whether another attempt may help.
  nonRetryableErrorTypes: ['PayloadsTooLarge'],
} as const satisfies ActivityOptions['retry'];

const RETRY_FOREVER = { ...RETRY, maximumAttempts: undefined, maximumInterval: '10m' } as const;

/** The activities as one step of a run calls them, under its name. */
export function activitiesOf(step: StepName): Activities {
  const { queue, startToClose, isRetriedForever = false, isUrgent = false } = schedulingOf(step);
  return proxyActivities<Activities>({
    activityId: step,
    summary: step,
    taskQueue: QUEUES[queue],
    startToCloseTimeout: startToClose,
    heartbeatTimeout: '30s',
    // The stage is over when its process has saved and stopped, not when it was asked to; the SDK's own default differs.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: isRetriedForever ? RETRY_FOREVER : RETRY,
    ...(isUrgent && { priority: { priorityKey: 1 } }),
  });
}
