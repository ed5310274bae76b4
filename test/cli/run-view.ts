import type { StageName } from '../../src/stages/stages.js';
import type { StageProgress } from '../../src/formats/progress.js';
import type { StageState, StageStatus } from '../../src/stages/run-status.js';
import type { RunningActivity, RunView } from '../../src/runs/runs.js';

/** A moment of a run, for what is shown of it. */
export const NOW = Date.UTC(2026, 2, 1, 12);

export const TRAINING: StageProgress = {
  phase: 'train',
  step: 230,
  totalSteps: 460,
  losses: { box_loss: 0.4022, loss: 1.204, cls_loss: 0.6101, loss_soft_cls: 0.0311 },
  itemsPerSecond: 14.6,
  secondsLeft: 96,
  best: { AP: 0.0812, step: 184 },
};

export const stage = (name: StageName, state: StageState, rest: Partial<StageStatus> = {}): StageStatus => ({
  name,
  state,
  seconds: 0,
  ...rest,
});

export const running = (step: StageName, rest: Partial<RunningActivity> = {}): RunningActivity => ({
  step,
  activity: step.split('-')[0]!,
  attempt: 1,
  lastFailure: null,
  progress: null,
  ...rest,
});

export const viewOf = (
  stages: readonly StageStatus[],
  progress: readonly RunningActivity[] = [],
  rest: Partial<RunView> = {},
): RunView => ({ id: 'trees', state: 'running', paused: false, stages, progress, ...rest });
