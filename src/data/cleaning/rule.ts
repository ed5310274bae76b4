import type { OPTIONAL_RULES } from '../../config/cleaning.js';
import type { Data } from '../../config/run.js';
import type { Split } from '../../formats/dataset.js';
import type { LabelledBox, RawSample } from '../raw-dataset.js';
import type { LabelPlan } from './labels.js';
import type { Leak } from './leaks.js';
import type { ImageFacts } from './image.js';
import type { SplitSample } from './splits.js';

/** A sample on its way through the rules. */
export interface Working {
  readonly sample: RawSample;
  readonly image: ImageFacts;
  readonly boxes: readonly LabelledBox[];
  /** Of the upright image. */
  readonly width: number;
  readonly height: number;
  /** The image has to be written anew; else it is copied as it is. */
  readonly rewrite: boolean;
  readonly dropped: boolean;
}

/** One thing that a rule found. `at` and `before` are enough to undo it. */
export interface Finding {
  readonly action: 'drop-sample' | 'drop-box' | 'change' | 'warn';
  readonly reason: string;
  /** Index of the box in the list that the rule was given. */
  readonly at?: number;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Verdict {
  readonly working: Working;
  readonly findings: readonly Finding[];
}

export interface RuleContext {
  readonly data: Data;
  readonly split: Split;
  readonly labels: LabelPlan;
  /** Where the policy looks at this side of it. */
  readonly leak: Leak | null;
  /** The first sample of the same split with the same pixels, be it this one. */
  readonly firstTwin: RawSample | undefined;
  /** The sample before this one that looks most like it. */
  readonly resemblance: { readonly to: SplitSample; readonly distance: number } | null;
}

/** The rules that no one may leave out are those with `always`. */
export type RuleId = (typeof OPTIONAL_RULES)[number] | 'I03' | 'I04' | 'I10' | 'L11';

/** A check with its remedy. */
export interface Rule {
  readonly id: RuleId;
  readonly title: string;
  /** Holds even where do_data_cleaning is false: it says how files are read, not what is wrong with them. */
  readonly always?: true;
  apply(working: Working, context: RuleContext): Verdict;
}

export const keep = (working: Working): Verdict => ({ working, findings: [] });

export const warn = (working: Working, reason: string): Verdict => ({
  working,
  findings: [{ action: 'warn', reason }],
});

export const dropSample = (working: Working, reason: string): Verdict => ({
  working: { ...working, dropped: true },
  findings: [
    { action: 'drop-sample', reason, before: { image: working.sample.image, boxes: working.boxes } },
  ],
});
