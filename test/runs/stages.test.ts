import { describe, expect, it } from 'vitest';
import { parseRunConfig } from '../../src/config/run.js';
import type { RunEvent } from '../../src/runs/events.js';
import { progressOf } from '../../src/runs/runs.js';
import { openSteps, stagesOf } from '../../src/runs/stages.js';

const at = new Date(1_700_000_000_000);
const config = parseRunConfig(
  { name: 'trees', data: { train: '/data' }, student: { model_name: 'efficientdet-d0' } },
  'test',
);
const STARTED: RunEvent = { at, kind: 'started', config };
const scheduled = (step: string): RunEvent => ({ at, kind: 'step-scheduled', step });
const attempted = (step: string): RunEvent => ({
  at,
  kind: 'step-attempted',
  step,
  attempt: 1,
  worker: 'w',
  before: null,
});

const stateOf = (events: readonly RunEvent[], name: string): string | undefined =>
  stagesOf([STARTED, ...events]).stages.find(stage => stage.name === name)?.state;

describe('the state of a stage', () => {
  const training = [scheduled('train-student'), attempted('train-student')];

  it('is that of its last event', () => {
    expect(stateOf([], 'train-student')).toBe('waiting');
    expect(stateOf(training, 'train-student')).toBe('running');
    expect(
      stateOf(
        [...training, { at, kind: 'step-failed', step: 'train-student', reason: 'lost' }],
        'train-student',
      ),
    ).toBe('failed');
  });

  it('is paused where its activity was stopped by a pause, and cancelled where the run ends', () => {
    const stopped: RunEvent = { at, kind: 'step-stopped', step: 'train-student' };
    const ask = (to: 'pause' | 'cancel'): RunEvent => ({ at, kind: 'asked', to });
    expect(stateOf([...training, ask('pause'), stopped], 'train-student')).toBe('paused');
    expect(stateOf([...training, ask('cancel'), stopped], 'train-student')).toBe('cancelled');
  });
});

describe('the progress of a run', () => {
  const pending = [{ activityId: 'train-student', activityType: { name: 'trainModel' }, attempt: 2 }];

  it('is the newest heartbeat of each activity', () => {
    expect(progressOf(pending, openSteps([scheduled('train-student'), attempted('train-student')]))).toEqual([
      { step: 'train-student', activity: 'trainModel', attempt: 2, lastFailure: null, progress: null },
    ]);
  });

  it('leaves out an activity that ended between the two answers of the server', () => {
    const begun = [scheduled('clean'), { at, kind: 'step-done', step: 'clean', result: null } as const];
    const ends: readonly RunEvent[] = [
      { at, kind: 'step-stopped', step: 'train-student' },
      { at, kind: 'step-failed', step: 'train-student', reason: 'lost' },
      { at, kind: 'ended', how: 'cancelled', reason: '' },
    ];
    for (const end of ends)
      expect(progressOf(pending, openSteps([...begun, scheduled('train-student'), end]))).toEqual([]);
  });
});
