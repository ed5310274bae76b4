import type { StageName } from '../stages/stages.js';
import { plannedStages } from '../stages/stages.js';
import type { RunStatus, StageStatus } from '../stages/run-status.js';
import type { RunEvent } from './events.js';

/** Derives the states of a run's stages from its events alone: this needs no worker, and works for runs that have ended. */
export function stagesOf(events: readonly RunEvent[]): RunStatus {
  const stages = new Map<string, StageStatus>();
  let [paused, ends] = [false, false];
  const set = (step: string, change: Omit<StageStatus, 'name' | 'seconds'> & { seconds?: number }): void => {
    const before = stages.get(step);
    if (before) stages.set(step, { name: before.name, seconds: before.seconds, ...change });
  };
  for (const event of events)
    switch (event.kind) {
      case 'started':
        for (const name of plannedStages(event.config)) stages.set(name, waiting(name));
        break;
      case 'asked':
        if (event.to === 'cancel') ends = true;
        else paused = event.to === 'pause';
        break;
      case 'step-scheduled':
        set(event.step, { state: 'running', startedAt: event.at.getTime() });
        break;
      case 'step-done':
        if (event.result)
          set(event.step, { state: event.result.reused ? 'reused' : 'done', seconds: event.result.seconds });
        break;
      case 'step-failed':
        // The other branch is stopped, too.
        ends = true;
        set(event.step, { state: 'failed' });
        break;
      case 'step-stopped':
        set(event.step, { state: ends ? 'cancelled' : 'paused' });
        break;
      case 'ended':
        paused = false;
    }
  return { paused, stages: [...stages.values()] };
}

/** The steps that have begun and not ended. */
export function openSteps(events: readonly RunEvent[]): ReadonlySet<string> {
  const open = new Set<string>();
  for (const event of events)
    if (event.kind === 'step-scheduled') open.add(event.step);
    else if (event.kind === 'ended') open.clear();
    else if ('step' in event && event.kind !== 'step-attempted') open.delete(event.step);
  return open;
}

const waiting = (name: StageName): StageStatus => ({ name, state: 'waiting', seconds: 0 });
