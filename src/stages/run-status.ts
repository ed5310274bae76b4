import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { Role } from '../formats/train-io.js';
import type { StageName } from './stages.js';
import type { SuggestionSummary } from '../formats/suggestions.js';

export type StageState = 'waiting' | 'running' | 'paused' | 'done' | 'reused' | 'failed' | 'cancelled';

/** The state of one stage of a run. */
export interface StageStatus {
  readonly name: StageName;
  readonly state: StageState;
  /** How long the stage took; a reused one took this time when it was made. */
  readonly seconds: number;
  /** Milliseconds since 1970, while it runs. */
  readonly startedAt?: number;
}

export interface RunStatus {
  readonly paused: boolean;
  readonly stages: readonly StageStatus[];
}

/** The result of a run's workflow. */
export interface RunOutcome {
  /** The metrics of the exported teacher; null: the run has no teacher. */
  readonly teacher: CocoMetrics | null;
  readonly student: CocoMetrics;
  /** The warnings of both trainings. */
  readonly warnings: Readonly<Record<Role, readonly string[]>>;
  readonly suggestions: readonly SuggestionSummary[];
  /** Output folder of the run. */
  readonly folder: string;
}

export interface RunResult extends RunOutcome {
  readonly stages: readonly StageStatus[];
}
