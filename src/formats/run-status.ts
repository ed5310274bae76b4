import type { CocoMetrics } from './coco-metrics.js';
import type { StageName } from '../stages/stages.js';
import type { SuggestionSummary } from './suggestions.js';

export type StageState = 'waiting' | 'running' | 'paused' | 'done' | 'reused' | 'failed' | 'cancelled';

/** One stage as a run sees it. */
export interface StageStatus {
  readonly name: StageName;
  readonly state: StageState;
  /** How long it took; of a reused one, when it was made. */
  readonly seconds: number;
  /** Milliseconds since 1970, while it runs. */
  readonly startedAt?: number;
}

export interface RunStatus {
  readonly paused: boolean;
  readonly stages: readonly StageStatus[];
}

export interface RunResult {
  readonly teacher: CocoMetrics | null;
  readonly student: CocoMetrics;
  readonly stages: readonly StageStatus[];
  readonly suggestions: readonly SuggestionSummary[];
  /** Output folder of the run. */
  readonly folder: string;
}
