import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { boxArea } from '../../boxes.js';
import {
  type CleaningFindings,
  type CleaningReport,
  type DatasetFinding,
  type Histogram,
  type LedgerEntry,
  type SplitSummary,
  writeCleaningFindings,
} from '../../formats/cleaning-report.js';
import type { CleanedDataset, CleanedSample } from '../../formats/dataset.js';
import { DATASET_RULES } from './dataset-rules.js';
import type { LabelPlan } from './labels.js';
import { renderReportPage } from './report-page.js';
import { RULES } from './rules.js';

export const REPORT_PAGE = 'report.html';

/** Writes the ledger, the report, and a page that shows both. */
export async function writeFindings(folder: string, findings: CleaningFindings): Promise<void> {
  await writeCleaningFindings(folder, findings);
  await writeFile(join(folder, REPORT_PAGE), await renderReportPage(findings));
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
    splits: {
      train: summariseSplit(splits.train, classes),
      eval: summariseSplit(splits.eval, classes),
      test: summariseSplit(splits.test, classes),
    },
    rules: [...RULES, ...DATASET_RULES].map(({ id, title }) => ({ id, title, found: counts[id] ?? 0 })),
    dataset: [...dataset],
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
  const perClass = new Uint32Array(classes.length);
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

/** The bins are 0, 1, 2–3, 4–7, … up to the largest value. */
function histogram(values: readonly number[]): Histogram {
  const binOf = (value: number): number => (value < 1 ? 0 : Math.floor(Math.log2(value)) + 1);
  const counts: number[] = [];
  for (const value of values) {
    while (counts.length <= binOf(value)) counts.push(0);
    counts[binOf(value)]!++;
  }
  return { edges: counts.map((_, bin) => (bin === 0 ? 0 : 2 ** (bin - 1))), counts };
}
