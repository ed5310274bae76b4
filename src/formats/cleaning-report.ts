import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../errors/index.js';
import { type Split as SplitName, SPLITS } from './dataset.js';

const Count = z.int().min(0);
const Split = z.enum(SPLITS);

/** One line of the ledger: what a rule found in one image. `at` and `before` are enough to undo a change. */
const LedgerEntry = z.strictObject({
  split: Split,
  /** Path of the original image. */
  file: z.string(),
  rule: z.string(),
  action: z.enum(['drop-sample', 'drop-box', 'change', 'warn']),
  reason: z.string(),
  /** Index of the box in the list that the rule was given. */
  at: Count.optional(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** Bin i counts values from edges[i] up to, but not including, edges[i + 1]; the last bin is open. */
const Histogram = z.strictObject({ edges: z.array(z.number()), counts: z.array(Count) });
export type Histogram = z.infer<typeof Histogram>;

const SplitSummary = z.strictObject({
  images: Count,
  boxes: Count,
  boxesPerClass: z.record(z.string(), Count),
  boxesPerImage: Histogram,
  /** Square root of the area, in pixels. */
  boxSides: Histogram,
  /** The longer side, in pixels. */
  imageSides: Histogram,
});
export type SplitSummary = z.infer<typeof SplitSummary>;

/** A finding about the data set as a whole; it changes nothing. */
const DatasetFinding = z.strictObject({
  rule: z.string(),
  reason: z.string(),
  /** The numbers behind the reason. */
  facts: z.record(z.string(), z.unknown()),
});
export type DatasetFinding = z.infer<typeof DatasetFinding>;

const CleaningReport = z.strictObject({
  format: z.string(),
  classes: z.array(z.string()),
  splits: z.strictObject({ train: SplitSummary, eval: SplitSummary, test: SplitSummary }),
  rules: z.array(z.strictObject({ id: z.string(), title: z.string(), found: Count })),
  dataset: z.array(DatasetFinding),
  /** Images whose labels a model doubts (M01), the worst first; null: no model has reviewed them. */
  review: z
    .array(
      z.strictObject({
        /** Path of the original image. */
        file: z.string(),
        split: Split,
        /** Label quality, from 0 (certainly wrong) to 1. */
        score: z.number(),
        findings: Count,
      }),
    )
    .nullable(),
  /** For labels that look like typos, the labels that may be meant: a proposal for data.cleaning.label_map. */
  suggestedLabelMap: z.record(z.string(), z.string()),
  /** Dropped images and boxes. */
  dropped: Count,
  changed: Count,
});
export type CleaningReport = z.infer<typeof CleaningReport>;

/** The splits that are shown to people: all but a test split that there is not. */
export const shownSplits = ({ splits }: Pick<CleaningReport, 'splits'>): SplitName[] =>
  SPLITS.filter(split => split !== 'test' || splits.test.images > 0);

/** The findings and changes of cleaning in one data set. */
export interface CleaningFindings {
  readonly report: CleaningReport;
  readonly ledger: readonly LedgerEntry[];
}

const LEDGER_FILE = 'ledger.jsonl';
const REPORT_FILE = 'report.json';

export async function writeCleaningFindings(
  folder: string,
  { report, ledger }: CleaningFindings,
): Promise<void> {
  const lines = ledger.map(entry => `${JSON.stringify(entry)}\n`);
  await writeFile(join(folder, LEDGER_FILE), lines.join(''));
  await writeFile(join(folder, REPORT_FILE), `${JSON.stringify(report, null, 2)}\n`);
}

/** @throws REPORT_UNREADABLE: the folder lacks one of the files, or one is damaged */
export async function readCleaningFindings(folder: string): Promise<CleaningFindings> {
  const report = await parsed(join(folder, REPORT_FILE), text => CleaningReport.parse(JSON.parse(text)));
  const ledger = await parsed(join(folder, LEDGER_FILE), text =>
    text
      .split('\n')
      .filter(line => line !== '')
      .map(line => LedgerEntry.parse(JSON.parse(line))),
  );
  return { report, ledger };
}

async function parsed<T>(file: string, parse: (text: string) => T): Promise<T> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw errors.reportUnreadable(file, cause);
  }
}
