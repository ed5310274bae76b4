import { CancellationScope, condition, isCancellation, setHandler } from '@temporalio/workflow';
import type { RunStatus, StageName, StageResult, StageStatus } from '../src/pipeline.js';
import { pauseSignal, resumeSignal, statusQuery } from './messages.js';

export interface StageRunner {
  /** Runs a stage, keeps its state for whoever asks, repeats it after a pause. */
  run<T extends StageResult>(stage: StageName, work: () => Promise<T>): Promise<T>;
  readonly stages: readonly StageStatus[];
}

/** Pausing cancels what runs, which saves a checkpoint and frees the GPU; resuming starts it again from there. */
export function createStageRunner(planned: readonly StageName[]): StageRunner {
  const stages = new Map<StageName, StageStatus>(
    planned.map(name => [name, { name, state: 'waiting', seconds: 0 }]),
  );
  const running = new Set<CancellationScope>();
  let paused = false;
  setHandler(statusQuery, (): RunStatus => ({ paused, stages: [...stages.values()] }));
  setHandler(pauseSignal, () => {
    paused = true;
    for (const scope of running) scope.cancel();
  });
  setHandler(resumeSignal, () => {
    paused = false;
  });
  const set = (name: StageName, state: StageStatus['state'], rest: Partial<StageStatus> = {}): void => {
    stages.set(name, { ...stages.get(name)!, state, ...rest });
  };

  async function attempt<T>(work: () => Promise<T>): Promise<T> {
    const scope = new CancellationScope();
    running.add(scope);
    try {
      return await scope.run(work);
    } finally {
      running.delete(scope);
    }
  }

  return {
    get stages() {
      return [...stages.values()];
    },
    async run(name, work) {
      for (;;) {
        await condition(() => !paused);
        set(name, 'running', { startedAt: Date.now() });
        try {
          const result = await attempt(work);
          set(name, result.reused ? 'reused' : 'done', { seconds: result.seconds, startedAt: undefined });
          return result;
        } catch (error) {
          if (isCancellation(error) && paused) {
            set(name, 'paused', { startedAt: undefined });
            continue;
          }
          set(name, isCancellation(error) ? 'cancelled' : 'failed', { startedAt: undefined });
          throw error;
        }
      }
    },
  };
}
