import type { OPTIONAL_RULES } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import type { LedgerEntry } from '../../formats/cleaning-report.js';
import type { LabelledBox } from '../../boxes.js';
import type { ImageFacts } from './image-facts.js';
import type { LabelOrientation } from './label-orientation.js';
import type { LabelPlan } from './labels.js';
import type { SplitSample } from './splits.js';

/** A sample as the rules have left it so far. */
export interface CleaningState {
  readonly sample: SplitSample;
  readonly image: ImageFacts;
  readonly boxes: readonly LabelledBox[];
  /** Size of the image that is written; upright once I03 was applied. */
  readonly width: number;
  readonly height: number;
  /** Whether the image has to be encoded anew; otherwise its file is copied. */
  readonly rewrite: boolean;
  readonly dropped: boolean;
}

/** What a rule found; the ledger adds the rule and the image. */
export type Finding = Omit<LedgerEntry, 'rule' | 'split' | 'file'>;

export interface RuleResult {
  readonly state: CleaningState;
  readonly findings: readonly Finding[];
}

/** What rules know besides the sample itself. */
export interface RuleContext {
  readonly data: Data;
  readonly labels: LabelPlan;
  readonly labelOrientation: LabelOrientation;
  /** Why the sample leaks between the splits; null: it does not, or its counterpart is the one to go. */
  readonly leak: string | null;
  /** The first sample of the same split, if that is another one with the same pixels. */
  readonly duplicateOf: SplitSample | null;
  /** The most similar of the earlier samples, if one is similar enough. */
  readonly mostSimilar: { readonly sample: SplitSample; readonly distance: number } | null;
}

/** The ids that OPTIONAL_RULES lacks belong to rules with `always`. */
export type RuleId = (typeof OPTIONAL_RULES)[number] | 'I03' | 'I04' | 'I10' | 'L11';

/** A check with its remedy. */
export interface Rule {
  readonly id: RuleId;
  readonly title: string;
  /** Applies even if do_data_cleaning is false: the rule decides how files are read. */
  readonly always?: true;
  apply(state: CleaningState, context: RuleContext): RuleResult;
}

export const keep = (state: CleaningState): RuleResult => ({ state, findings: [] });

export const warn = (state: CleaningState, reason: string): RuleResult => ({
  state,
  findings: [{ action: 'warn', reason }],
});

export const dropSample = (state: CleaningState, reason: string): RuleResult => ({
  state: { ...state, dropped: true },
  findings: [{ action: 'drop-sample', reason, before: { image: state.sample.image, boxes: state.boxes } }],
});
