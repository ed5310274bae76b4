import { CancellationScope, condition, isCancellation, setHandler, upsertMemo } from '@temporalio/workflow';
import type { RunStatus, StageStatus } from '../src/formats/run-status.js';
import type { StageName } from '../src/stages/stages.js';
import type { StageResult } from '../src/formats/stage-io.js';
import { stageFailure } from './failure.js';
import { pauseSignal, resumeSignal, statusQuery } from './messages.js';
import { activitiesOf, type Activities, type Step } from './stages.js';

type Work<T> = (activities: Activities) => Promise<T>;

/** One execution of a step, which a pause may end. */
interface Attempt {
  readonly scope: CancellationScope;
  isPaused: boolean;
}

/**
 * Runs the steps of a run, keeps their states for whoever asks, and holds them while the run is paused: what runs is
 * cancelled, which saves a checkpoint and frees the GPU, and begun again by `resume`.
 */
export class StageRunner {
  readonly #stages: Map<StageName, StageStatus>;
  readonly #attempts = new Set<Attempt>();
  #isPaused = false;

  constructor(planned: readonly StageName[]) {
    this.#stages = new Map(planned.map(name => [name, { name, state: 'waiting', seconds: 0 }]));
    setHandler(statusQuery, (): RunStatus => ({ paused: this.#isPaused, stages: this.stages }));
    setHandler(pauseSignal, () => this.#pause());
    setHandler(resumeSignal, () => this.#setPaused(false));
  }

  get stages(): readonly StageStatus[] {
    return [...this.#stages.values()];
  }

  async run<T extends StageResult>(stage: StageName, work: Work<T>): Promise<T> {
    try {
      const result = await this.step(stage, work);
      this.#set(stage, result.reused ? 'reused' : 'done', { seconds: result.seconds });
      return result;
    } catch (error) {
      this.#set(stage, isCancellation(error) ? 'cancelled' : 'failed');
      throw error;
    }
  }

  /** The same for what is no stage: nobody watches its state. */
  async step<T>(step: Step, work: Work<T>): Promise<T> {
    for (;;) {
      await condition(() => !this.#isPaused);
      this.#set(step, 'running', { startedAt: Date.now() });
      const attempt: Attempt = { scope: new CancellationScope(), isPaused: false };
      this.#attempts.add(attempt);
      try {
        return await attempt.scope.run(() => work(activitiesOf(step)));
      } catch (error) {
        const isEnding = CancellationScope.current().consideredCancelled;
        if (!isCancellation(error) || !attempt.isPaused || isEnding) throw stageFailure(step, error);
        this.#set(step, 'paused');
      } finally {
        this.#attempts.delete(attempt);
      }
    }
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    // For lists of runs, which ask no workflow.
    upsertMemo({ paused: isPaused });
  }

  #pause(): void {
    this.#setPaused(true);
    for (const attempt of this.#attempts) {
      attempt.isPaused = true;
      attempt.scope.cancel();
    }
  }

  #set(step: Step, state: StageStatus['state'], rest: Partial<StageStatus> = {}): void {
    const before = step === 'check' || step === 'publish' ? undefined : this.#stages.get(step);
    if (before) this.#stages.set(before.name, { ...before, state, startedAt: undefined, ...rest });
  }
}
