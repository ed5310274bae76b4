import type { RunEvent } from './events.js';

export interface HistoryLine {
  readonly at: Date;
  /** One line for people. */
  readonly what: string;
}

/** Describes a run's history. Temporal records an attempt only when it has ended: until then its step is just scheduled. */
export const describeHistory = (events: readonly RunEvent[]): HistoryLine[] =>
  events
    .filter((event, i) => event.kind !== 'step-scheduled' || !isAttempted(event.step, events.slice(i)))
    .map(event => ({ at: event.at, what: describe(event) }))
    .sort((a, b) => a.at.getTime() - b.at.getTime());

const isAttempted = (step: string, later: readonly RunEvent[]): boolean =>
  later.some(event => event.kind === 'step-attempted' && event.step === step);

function describe(event: RunEvent): string {
  switch (event.kind) {
    case 'started':
      return `run started: ${event.config.name}`;
    case 'asked':
      return `asked to ${event.to}`;
    case 'step-scheduled':
      return `${event.step}: handed to the workers`;
    case 'step-attempted': {
      const { step, attempt, worker, before } = event;
      return `${step}: attempt ${attempt} on ${worker}${before ? `, after: ${before}` : ''}`;
    }
    case 'step-done': {
      const { step, result } = event;
      if (!result) return `${step}: done`;
      return result.reused
        ? `${step}: reused, made before with the same inputs`
        : `${step}: done in ${result.seconds.toFixed(1)} s`;
    }
    case 'step-failed':
      return `${event.step}: failed: ${event.reason}`;
    case 'step-stopped':
      return `${event.step}: stopped`;
    case 'ended':
      return `run ${event.how}${event.reason ? `: ${event.reason}` : ''}`;
  }
}
