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

/** The checkpoints of a training, with their metrics on the evaluation split. */
export interface TrainedCheckpoints {
  /** The one that is exported. */
  readonly best: { readonly step: number; readonly metrics: CocoMetrics };
  readonly last: { readonly step: number; readonly metrics: CocoMetrics };
  /** The number of evaluations that the best one was chosen from. */
  readonly evaluations: number;
}

/** The result of a run's workflow. */
export interface RunOutcome {
  /** The metrics of the exported teacher on the evaluation split; null: the run has no teacher. */
  readonly teacher: CocoMetrics | null;
  readonly student: CocoMetrics;
  /** The same on the test split, which did not choose the checkpoints; null: the data set has none. */
  readonly test: { readonly teacher: CocoMetrics | null; readonly student: CocoMetrics } | null;
  /** A teacher that the run did not train has none. */
  readonly checkpoints: { readonly teacher: TrainedCheckpoints | null; readonly student: TrainedCheckpoints };
  /** The warnings of both trainings. */
  readonly warnings: Readonly<Record<Role, readonly string[]>>;
  readonly suggestions: readonly SuggestionSummary[];
  /** Output folder of the run. */
  readonly folder: string;
}

export interface RunResult extends RunOutcome {
  readonly stages: readonly StageStatus[];
}
