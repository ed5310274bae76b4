import type { Skipped } from './candidate.js';
import type { Machine } from './machine.js';
import type { Report } from './report.js';

/** One figure, or one comparison: an element of the JSON result. */
export interface Row {
  /** The model, or what else is measured. */
  readonly model: string;
  readonly batch: number;
  readonly size: number;
  readonly precision: string;
  /** The unit of both figures. */
  readonly unit: string;
  /** null: no other implementation does the same; then `theirs` and `ratio` are null, too. */
  readonly peer: string | null;
  /** The median of our rounds; null: not measured. */
  readonly ours: number | null;
  /** The median of the peer's rounds. */
  readonly theirs: number | null;
  /** The median of ours / theirs of each round, in which both were measured one after the other. */
  readonly ratio: number | null;
  /** Why there is no comparison: a candidate cannot run on this machine. null: it was measured. */
  readonly skipped: string | null;
}
export type Subject = Pick<Row, 'model'> & Partial<Pick<Row, 'batch' | 'size' | 'precision' | 'unit'>>;

export interface Spread {
  readonly median: number;
  /** The lower quartile. */
  readonly low: number;
  /** The upper quartile. */
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}
const medianOf = (values: readonly number[]): number => spreadOf(values).median;

const withDefaults = ({ model, batch = 1, size = 0, precision = 'fp32', unit = 'ms' }: Subject) => ({
  model,
  batch,
  size,
  precision,
  unit,
});
const NOTHING = { peer: null, ours: null, theirs: null, ratio: null, skipped: null } as const;

/** A figure that has no peer, from one round or several. */
export function figureRow(report: Report, subject: Subject, ours: readonly number[]): Row {
  const row = { ...withDefaults(subject), ...NOTHING, ours: medianOf(ours) };
  report.say(columns(row, [text(ours, 1).padStart(24), row.unit]));
  return row;
}

/** A comparison of two candidates that took turns. */
export function comparisonRow(
  report: Report,
  subject: Subject,
  { ours, peer, theirs }: { ours: readonly number[]; peer: string; theirs: readonly number[] },
): Row {
  const ratios = ours.map((value, round) => value / theirs[round]!);
  const medians = { ours: medianOf(ours), theirs: medianOf(theirs), ratio: medianOf(ratios) };
  const row = { ...withDefaults(subject), ...NOTHING, peer, ...medians };
  const left = [text(ours, 1).padStart(24), row.unit.padEnd(10)];
  const right = [peer.padEnd(22), text(theirs, 1).padStart(24), `${row.unit}  ratio`, text(ratios, 3)];
  report.say(columns(row, [...left, ...right]));
  return row;
}

/** A comparison that this machine cannot make. */
export function skippedRow(report: Report, subject: Subject, { name, reason }: Skipped): Row {
  const skipped = `${name}: ${reason}`;
  const row = { ...withDefaults(subject), ...NOTHING, skipped };
  report.say(columns(row, [`skipped: ${skipped}`]));
  return row;
}

const columns = ({ model, batch }: Pick<Row, 'model' | 'batch'>, cells: readonly string[]): string =>
  [(batch > 1 ? `${model}, batch ${batch}` : model).padEnd(38), ...cells].join(' ').trimEnd();

/** The median; with several rounds also the quartiles. */
function text(values: readonly number[], digits: number): string {
  const { median, low, high } = spreadOf(values);
  const quartiles = `${low.toFixed(digits)}–${high.toFixed(digits)}`;
  return values.length > 1 ? `${median.toFixed(digits)} (${quartiles})` : median.toFixed(digits);
}

/** The last line on stdout, for programs. */
export const jsonLine = (result: {
  readonly name: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}): string => JSON.stringify(result);
