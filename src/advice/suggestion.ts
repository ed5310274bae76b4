import type { TrainingHistory } from '../formats/training-history.js';
import type { RunConfig } from '../config/run.js';
import type { Role, SuggestionSummary } from '../formats/stage-io.js';
import type { ConfigPath } from './tunable.js';

type PerKind = Readonly<Record<'cls' | 'loc' | 'both' | 'dup' | 'bkg' | 'miss', number>>;

export interface OperatingPoint {
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** The parts of an evaluation's report that advice rests on. */
export interface EvidenceReport {
  readonly model: { readonly name: string };
  readonly counts: { readonly images: number; readonly boxes: number };
  readonly training: { readonly boxesPerClass: Readonly<Record<string, number>> } | null;
  readonly deployed: { readonly scoreThreshold: number } | null;
  /** Whether another IoU threshold of the suppression would be better; null: not measured. */
  readonly suppression: {
    readonly deployed: number;
    readonly best: number;
    readonly gainAP: number;
    readonly curve: readonly { readonly iou: number; readonly AP: number; readonly AP50: number }[];
  } | null;
  readonly metrics: Readonly<Record<string, number>> & {
    readonly AP: number;
    readonly AP50: number;
    readonly AP75: number;
  };
  readonly confidence: { readonly low: number; readonly high: number } | null;
  readonly perClass: readonly {
    readonly categoryId: number;
    readonly name: string;
    readonly boxes: number;
    readonly correct: number;
    readonly AP: number;
    readonly AP50: number;
    readonly AP75: number;
  }[];
  readonly curves: readonly {
    readonly categoryId: number;
    readonly iou: number;
    readonly precision: readonly number[];
  }[];
  readonly operatingCurve: readonly OperatingPoint[];
  readonly errors: {
    readonly best: OperatingPoint;
    readonly counts: PerKind;
    readonly shares: PerKind;
    readonly correct: number;
    readonly lost: { readonly cls: number; readonly loc: number; readonly bkg: number };
    readonly deltaAP50: PerKind;
    readonly confusions: readonly {
      readonly truth: number;
      readonly found: number;
      readonly count: number;
      readonly share: number;
    }[];
  };
  readonly sizeRecall: readonly { readonly boxes: number; readonly recall: number | null }[];
}

export interface Evidence {
  readonly report: EvidenceReport;
  readonly history: TrainingHistory;
  /** AP on the images that it was trained on; absent: not measured. */
  readonly trainingAP?: number;
}

export interface AdviceInput {
  readonly config: RunConfig;
  readonly student: Evidence;
  readonly teacher: Evidence | null;
  /** The same student without distillation; absent: not trained. */
  readonly baseline?: { readonly history: TrainingHistory };
}

/** Path in the run's configuration → new value. */
export type Patch = Readonly<Partial<Record<ConfigPath, unknown>>>;

export interface Finding extends Pick<SuggestionSummary, 'severity' | 'advice'> {
  /** What a rule speaks of, where it may speak of several: a class, a role, a term. */
  readonly about?: string;
  readonly evidence: {
    readonly metric: string;
    readonly value: number;
    readonly threshold: number;
    /** On how many observations the value rests. */
    readonly n: number;
  };
  readonly expected: {
    /** Upper bound of the gain, 0–1. */
    readonly gain: number;
    readonly metric: 'AP' | 'AP50' | 'F1';
    /** How sure it is that the change brings some of it, 0–1. */
    readonly confidence: number;
  };
  /** Empty: people have to act. */
  readonly patch: Patch;
  readonly cost: {
    readonly kind: 'none' | 'training' | 'people';
    /** In times of this run's training. */
    readonly training: number;
  };
}

export interface Suggestion extends Omit<Finding, 'about'> {
  /** The rule, and what it speaks of: unique in a list. */
  readonly id: string;
  readonly rule: string;
  /** expected.gain × expected.confidence: the order of a list. */
  readonly priority: number;
  /** The stronger suggestion that changes the same otherwise; this one's patch is then empty. */
  readonly yieldsTo?: string;
}

export interface Rule {
  readonly id: string;
  readonly find: (input: AdviceInput) => readonly Finding[];
}

/** Whether a teacher's answers were learned from. */
export const isTaught = ({ config, teacher }: AdviceInput): boolean =>
  teacher !== null && config.distillation.use_offline_kd;

/** Whether anybody's were: a teacher's, or those of the student's own branch. */
export const isDistilled = (input: AdviceInput): boolean =>
  isTaught(input) || input.config.distillation.use_online_kd;

export const evidenceOf = (input: AdviceInput, role: Role): Evidence | null => input[role];
