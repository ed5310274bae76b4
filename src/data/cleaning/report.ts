import { boxArea } from '../../boxes.js';
import type { CleanedDataset, CleanedSample, Split } from '../../formats/dataset.js';
import { DATASET_RULES, type DatasetFinding } from './dataset-rules.js';
import type { LabelPlan } from './labels.js';
import { type RuleFinding, RULES } from './rules.js';

export interface LedgerEntry extends RuleFinding {
  readonly split: Split;
  /** The original image. */
  readonly file: string;
}

/** Bin i holds values from edges[i] up to, not including, edges[i + 1]; the last bin has no end. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

export interface SplitSummary {
  readonly images: number;
  readonly boxes: number;
  readonly boxesPerClass: Readonly<Record<string, number>>;
  readonly boxesPerImage: Histogram;
  /** Square root of the area, in pixels. */
  readonly boxSides: Histogram;
  /** The longer side, in pixels. */
  readonly imageSides: Histogram;
}

export interface ReviewedRow {
  /** The original image. */
  readonly file: string;
  readonly split: Split;
  /** From 0, surely labelled wrong, to 1. */
  readonly score: number;
  readonly findings: number;
}

export interface CleaningReport {
  readonly format: string;
  readonly classes: readonly string[];
  readonly splits: Readonly<Record<Split, SplitSummary>>;
  readonly rules: readonly { id: string; title: string; found: number }[];
  /** About the data set as a whole. */
  readonly dataset: readonly DatasetFinding[];
  /** What may be meant by labels that look like typos: for data.cleaning.label_map. */
  readonly suggestedLabelMap: Readonly<Record<string, string>>;
  /** Images whose labels a model doubts (M01), the worst first; null: no model has looked. */
  readonly review: readonly ReviewedRow[] | null;
  /** Images and boxes. */
  readonly dropped: number;
  readonly changed: number;
}

interface ReportParts {
  readonly format: string;
  readonly ledger: readonly LedgerEntry[];
  readonly labels: LabelPlan;
  readonly dataset: readonly DatasetFinding[];
}

export function summarise(
  { classes, splits }: CleanedDataset,
  { format, ledger, labels, dataset }: ReportParts,
): CleaningReport {
  const counts = countByRule([...ledger, ...dataset]);
  return {
    format,
    classes,
    splits: { train: summariseSplit(splits.train, classes), eval: summariseSplit(splits.eval, classes) },
    rules: [...RULES, ...DATASET_RULES].map(({ id, title }) => ({ id, title, found: counts[id] ?? 0 })),
    dataset,
    review: null,
    suggestedLabelMap: Object.fromEntries(labels.suggestions),
    dropped: ledger.filter(({ action }) => action.startsWith('drop')).length,
    changed: ledger.filter(({ action }) => action === 'change').length,
  };
}

export function countByRule(entries: readonly { readonly rule: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rule } of entries) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}

function summariseSplit(samples: readonly CleanedSample[], classes: readonly string[]): SplitSummary {
  const boxes = samples.flatMap(sample => sample.boxes);
  const perClass = classes.map(() => 0);
  for (const { classIndex } of boxes) perClass[classIndex]!++;
  return {
    images: samples.length,
    boxes: boxes.length,
    boxesPerClass: Object.fromEntries(classes.map((name, index) => [name, perClass[index]!])),
    boxesPerImage: histogram(samples.map(sample => sample.boxes.length)),
    boxSides: histogram(boxes.map(({ box }) => Math.sqrt(boxArea(box)))),
    imageSides: histogram(samples.map(({ width, height }) => Math.max(width, height))),
  };
}

/** Bins 0, 1, 2–3, 4–7, … up to the largest value. */
function histogram(values: readonly number[]): Histogram {
  const binOf = (value: number): number => (value < 1 ? 0 : Math.floor(Math.log2(value)) + 1);
  const counts: number[] = [];
  for (const value of values) {
    while (counts.length <= binOf(value)) counts.push(0);
    counts[binOf(value)]!++;
  }
  return { edges: counts.map((_, bin) => (bin === 0 ? 0 : 2 ** (bin - 1))), counts };
}
