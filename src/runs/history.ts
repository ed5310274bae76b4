import type { temporal } from '@temporalio/proto';

export interface HistoryLine {
  readonly at: Date;
  /** What happened, for people. */
  readonly what: string;
}

type History = temporal.api.history.v1.IHistory;
type Event = temporal.api.history.v1.IHistoryEvent;

const timeOf = ({ eventTime }: Event): Date =>
  new Date(Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6);

/** Temporal's history in our words; what only Temporal needs is left out. */
export function readHistory({ events }: History): HistoryLine[] {
  const names = new Map<string, string>();
  const idOf = (value: unknown): string => String(value);
  return (events ?? []).flatMap((event): HistoryLine[] => {
    const line = (what: string): HistoryLine[] => [{ at: timeOf(event), what }];
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      names.set(idOf(event.eventId), scheduled.activityType?.name ?? '');
      return line(`${scheduled.activityType?.name} asked for`);
    }
    const started = event.activityTaskStartedEventAttributes;
    if (started) {
      const before = started.lastFailure?.message;
      return line(
        `${names.get(idOf(started.scheduledEventId))} attempt ${started.attempt}${before ? ` after: ${before}` : ''} on ${started.identity}`,
      );
    }
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) return line(`${names.get(idOf(completed.scheduledEventId))} done`);
    const failed = event.activityTaskFailedEventAttributes;
    if (failed) return line(`${names.get(idOf(failed.scheduledEventId))} failed: ${failed.failure?.message}`);
    const cancelled = event.activityTaskCanceledEventAttributes;
    if (cancelled) return line(`${names.get(idOf(cancelled.scheduledEventId))} stopped`);
    const signalled = event.workflowExecutionSignaledEventAttributes;
    if (signalled) return line(`asked to ${signalled.signalName}`);
    if (event.workflowExecutionStartedEventAttributes) return line('run started');
    if (event.workflowExecutionCompletedEventAttributes) return line('run completed');
    if (event.workflowExecutionCanceledEventAttributes) return line('run cancelled');
    const ended = event.workflowExecutionFailedEventAttributes;
    return ended ? line(`run failed: ${ended.failure?.cause?.message ?? ended.failure?.message}`) : [];
  });
}
