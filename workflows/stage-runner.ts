import { CancellationScope, condition, isCancellation, setHandler, upsertMemo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { RunConfig } from '../src/config/run.js';
import type { RunMemo } from '../src/formats/run-memo.js';
import type { FinishedStages, KindOf, StageIO, StageName } from '../src/stages/stages.js';
import { plannedStages, publishInput, schedulingOf, STAGES, type StepName } from '../src/stages/stages.js';
import { activitiesOf } from './activities.js';
import { stageFailure } from './failure.js';
import { pauseSignal, resumeSignal } from './messages.js';

/** null: the run does not have the stage. Only stages of a teacher may be missing. */
type Outcome<S extends StageName> =
  StageIO[KindOf<S>]['result'] | (S extends `${string}-teacher` ? null : never);

/** One execution of a step, which a pause may end. */
interface Execution {
  readonly scope: CancellationScope;
  isPaused: boolean;
}

/**
 * Runs the stages of a run as the table of stages describes them, and holds them while the run is paused: what runs is
 * cancelled, which saves a checkpoint and frees the GPU, and is started again by `resume`.
 */
export class StageRunner {
  readonly #config: RunConfig;
  readonly #planned: readonly StageName[];
  #finished: FinishedStages = {};
  readonly #executions = new Set<Execution>();
  #isPaused = false;

  constructor(config: RunConfig) {
    this.#config = config;
    this.#planned = plannedStages(config);
    setHandler(pauseSignal, () => this.#pause());
    setHandler(resumeSignal, () => this.#setPaused(false));
  }

  check(): Promise<void> {
    return this.#step('check', ({ checkOutput }) => checkOutput(this.#config));
  }

  /** Runs a stage whose `needs` are finished. */
  async stage<S extends StageName>(name: S): Promise<Outcome<S>> {
    // The types of a row follow from its name, which TypeScript does not see through the look-up.
    if (!this.#planned.includes(name)) return null as Outcome<S>;
    const input = STAGES[name].input(this.#config, this.#finished);
    const result = (await this.#step(name, activities => {
      const activity = activities[schedulingOf(name).activity as keyof Activities];
      return (activity as (input: unknown) => Promise<unknown>)(input);
    })) as Outcome<S>;
    this.#finished = { ...this.#finished, [name]: result };
    return result;
  }

  /** Fills the output folder, and returns its place. */
  publish(): Promise<string> {
    return this.#step('publish', ({ publish }) => publish(publishInput(this.#config, this.#finished)));
  }

  async #step<T>(step: StepName, work: (activities: Activities) => Promise<T>): Promise<T> {
    for (;;) {
      await condition(() => !this.#isPaused);
      const execution: Execution = { scope: new CancellationScope(), isPaused: false };
      this.#executions.add(execution);
      try {
        return await execution.scope.run(() => work(activitiesOf(step)));
      } catch (error) {
        const isRunCancelled = CancellationScope.current().consideredCancelled;
        if (!isCancellation(error) || !execution.isPaused || isRunCancelled) throw stageFailure(step, error);
      } finally {
        this.#executions.delete(execution);
      }
    }
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    // Lists of runs read the memo: they ask no workflow.
    upsertMemo({ paused: isPaused } satisfies Partial<RunMemo>);
  }

  #pause(): void {
    this.#setPaused(true);
    for (const execution of this.#executions) {
      execution.isPaused = true;
      execution.scope.cancel();
    }
  }
}
