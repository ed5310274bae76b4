import type { TrainingHistory } from '../formats/training-history.js';
import type { RunConfig } from '../config/run.js';
import type { Report } from '../formats/report.js';
import type { Suggestion } from '../formats/suggestions.js';
import type { ConfigPath } from './tunable.js';

/** The facts about one trained model that rules look at. */
export interface Evidence {
  readonly report: Report;
  readonly history: TrainingHistory;
}

export interface AdviceInput {
  readonly config: RunConfig;
  readonly student: Evidence;
  readonly teacher: Evidence | null;
}

/** New values by their path in the run's configuration. */
export type Patch = Readonly<Partial<Record<ConfigPath, unknown>>>;

/** What a rule says when its evidence is there. */
export interface RuleMatch extends Pick<
  Suggestion,
  'severity' | 'evidence' | 'expected' | 'advice' | 'cost'
> {
  /** The class, role or loss term that the match is about; left out where the rule can match only once. */
  readonly subject?: string;
  readonly patch: Patch;
}

export interface Rule {
  readonly id: string;
  readonly match: (input: AdviceInput) => readonly RuleMatch[];
}

export const isDistilledOffline = ({ config, teacher }: AdviceInput): boolean =>
  teacher !== null && config.distillation.use_offline_kd;

/** Whether the student learned from a teacher, or online from its own auxiliary branch. */
export const isDistilled = (input: AdviceInput): boolean =>
  isDistilledOffline(input) || input.config.distillation.use_online_kd;
