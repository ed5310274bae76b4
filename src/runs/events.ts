import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { RunConfig } from '../config/run.js';
import type { StageResult } from '../formats/train-io.js';

/** An event of a run, read from Temporal's history; events that only Temporal needs are left out. */
export type RunEvent = { readonly at: Date } & (
  | { readonly kind: 'started'; readonly config: RunConfig }
  | { readonly kind: 'asked'; readonly to: 'pause' | 'resume' | 'cancel' }
  | { readonly kind: 'step-scheduled'; readonly step: string }
  | {
      readonly kind: 'step-attempted';
      readonly step: string;
      readonly attempt: number;
      readonly worker: string;
      /** The failure of the attempt before; null: this is the first. */
      readonly before: string | null;
    }
  /** result: null where the step is no stage. */
  | { readonly kind: 'step-done'; readonly step: string; readonly result: StageResult | null }
  | { readonly kind: 'step-failed'; readonly step: string; readonly reason: string }
  | { readonly kind: 'step-stopped'; readonly step: string }
  | { readonly kind: 'ended'; readonly how: 'completed' | 'failed' | 'cancelled'; readonly reason: string }
);

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type Raw = NonNullable<History['events']>[number];
type Payloads = NonNullable<Raw['workflowExecutionStartedEventAttributes']>['input'];
type Failure = NonNullable<Raw['workflowExecutionFailedEventAttributes']>['failure'];
type Happening = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'at'> : never) : never;
type StepOf = (scheduledEventId: unknown) => string;

/** Readers of Temporal's events, by the field that holds an event's attributes. */
const READERS: {
  readonly [F in keyof Raw]?: (fields: NonNullable<Raw[F]>, stepOf: StepOf) => Happening | null;
} = {
  workflowExecutionStartedEventAttributes: ({ input }) => ({
    kind: 'started',
    config: decode<RunConfig>(input)!,
  }),
  workflowExecutionSignaledEventAttributes: ({ signalName }) =>
    signalName === 'pause' || signalName === 'resume' ? { kind: 'asked', to: signalName } : null,
  workflowExecutionCancelRequestedEventAttributes: () => ({ kind: 'asked', to: 'cancel' }),
  activityTaskScheduledEventAttributes: ({ activityId }) => ({
    kind: 'step-scheduled',
    step: activityId ?? '',
  }),
  activityTaskStartedEventAttributes: ({ scheduledEventId, attempt, identity, lastFailure }, stepOf) => ({
    kind: 'step-attempted',
    step: stepOf(scheduledEventId),
    attempt: attempt ?? 1,
    worker: identity ?? '',
    before: lastFailure ? reasonOf(lastFailure) : null,
  }),
  activityTaskCompletedEventAttributes: ({ scheduledEventId, result }, stepOf) => {
    const value = decode<unknown>(result);
    const isStage = typeof value === 'object' && value !== null && 'artifact' in value;
    return {
      kind: 'step-done',
      step: stepOf(scheduledEventId),
      result: isStage ? (value as StageResult) : null,
    };
  },
  activityTaskFailedEventAttributes: ({ scheduledEventId, failure }, stepOf) => ({
    kind: 'step-failed',
    step: stepOf(scheduledEventId),
    reason: reasonOf(failure),
  }),
  activityTaskTimedOutEventAttributes: ({ scheduledEventId, failure }, stepOf) => ({
    kind: 'step-failed',
    step: stepOf(scheduledEventId),
    reason: reasonOf(failure),
  }),
  activityTaskCanceledEventAttributes: ({ scheduledEventId }, stepOf) => ({
    kind: 'step-stopped',
    step: stepOf(scheduledEventId),
  }),
  workflowExecutionCompletedEventAttributes: () => ({ kind: 'ended', how: 'completed', reason: '' }),
  workflowExecutionFailedEventAttributes: ({ failure }) => ({
    kind: 'ended',
    how: 'failed',
    reason: reasonOf(failure),
  }),
  workflowExecutionTimedOutEventAttributes: () => ({
    kind: 'ended',
    how: 'failed',
    reason: 'it took too long',
  }),
  workflowExecutionCanceledEventAttributes: () => ({ kind: 'ended', how: 'cancelled', reason: '' }),
  workflowExecutionTerminatedEventAttributes: ({ reason }) => ({
    kind: 'ended',
    how: 'cancelled',
    reason: reason || 'terminated',
  }),
};

export function readEvents({ events }: History): RunEvent[] {
  const steps = new Map<string, string>();
  return (events ?? []).flatMap((raw): RunEvent[] => {
    const happening = read(raw, id => steps.get(String(id)) ?? '');
    if (happening?.kind === 'step-scheduled') steps.set(String(raw.eventId), happening.step);
    return happening ? [{ at: timeOf(raw), ...happening }] : [];
  });
}

function read(raw: Raw, stepOf: StepOf): Happening | null {
  for (const [field, reader] of Object.entries(READERS)) {
    const fields = raw[field as keyof Raw];
    // The reader of a field takes the type of that field.
    if (fields) return (reader as (fields: unknown, stepOf: StepOf) => Happening | null)(fields, stepOf);
  }
  return null;
}

const timeOf = ({ eventTime }: Raw): Date =>
  new Date(Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6);

/** Decodes the first value of a message that a worker wrote. */
export function decode<T>(payloads: Payloads): T | undefined {
  const [payload] = payloads?.payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload<T>(payload) : undefined;
}

/** TIMEOUT_TYPE_HEARTBEAT */
const HEARTBEAT = 4;

/** The innermost message of a failure: it says what happened. */
export function reasonOf(failure: Failure): string {
  const own = failure?.message ?? '';
  if (Number(failure?.timeoutFailureInfo?.timeoutType) === HEARTBEAT) return 'its worker was lost';
  const isWrapping = failure?.activityFailureInfo || failure?.timeoutFailureInfo;
  return (isWrapping && failure.cause && reasonOf(failure.cause)) || own;
}
