import type { RunConfig } from '../config/run.js';
import type { TrainingHistory } from '../config/history.js';

/** What advice is given on: the parts of a report that rules read. */
export interface EvidenceReport {
  readonly counts: { readonly images: number; readonly boxes: number };
  readonly metrics: { readonly AP: number; readonly AP50: number; readonly AP75: number };
  readonly perClass: readonly {
    readonly categoryId: number;
    readonly name: string;
    readonly boxes: number;
    readonly AP: number;
  }[];
  readonly errors: {
    readonly best: { readonly threshold: number; readonly f1: number };
    readonly counts: Readonly<Record<'cls' | 'loc' | 'both' | 'dup' | 'bkg' | 'miss', number>>;
    readonly correct: number;
    readonly confusions: readonly {
      readonly truth: number;
      readonly found: number;
      readonly count: number;
    }[];
  };
}

export interface Evidence {
  readonly report: EvidenceReport;
  readonly history: TrainingHistory;
}

export interface AdviceInput {
  readonly config: RunConfig;
  readonly student: Evidence;
  readonly teacher: Evidence | null;
}

export interface Suggestion {
  readonly id: string;
  readonly severity: 'high' | 'medium' | 'low';
  /** Upper bound of what it may bring (AP, 0–1) times how sure the rule is: suggestions are sorted by it. */
  readonly priority: number;
  readonly evidence: {
    readonly metric: string;
    readonly value: number;
    readonly threshold: number;
    readonly n: number;
  };
  readonly advice: { readonly en: string; readonly zh: string };
  /** Path in the run's configuration → new value; empty where people have to act. */
  readonly patch: Readonly<Record<string, unknown>>;
  /** What it costs to try. */
  readonly cost: 'none' | 'retrain' | 'labelling';
}

/** A finding of one rule, before it is ranked. */
export type Finding = Omit<Suggestion, 'id'>;
export interface Rule {
  readonly id: string;
  find(input: AdviceInput): Finding | null;
}
