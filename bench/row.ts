import { machine, type Report } from './report.js';

/** One figure, or one comparison; what the JSON line holds. */
export interface Row {
  /** The model, or what else is measured. */
  readonly model: string;
  readonly batch: number;
  readonly size: number;
  readonly precision: string;
  /** Of both figures. */
  readonly unit: string;
  /** null: nobody else does the same; so are `theirs` and `ratio`. */
  readonly peer: string | null;
  /** Medians. */
  readonly ours: number;
  readonly theirs: number | null;
  /** The median of the rounds' ours / theirs: both of a round ran one after the other. */
  readonly ratio: number | null;
}
type About = Pick<Row, 'model'> & Partial<Pick<Row, 'batch' | 'size' | 'precision' | 'unit'>>;

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The middle half. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** A row of what only we do: of one round, or of several. */
export const alone = (report: Report, about: About, ours: readonly number[]): Row =>
  told(report, about, { ours, peer: null, theirs: null });

/** A row of two who took turns. */
export const against = (
  report: Report,
  about: About,
  rounds: { ours: readonly number[]; peer: string; theirs: readonly number[] },
): Row => told(report, about, rounds);

interface Rounds {
  readonly ours: readonly number[];
  readonly peer: string | null;
  readonly theirs: readonly number[] | null;
}

function told(report: Report, about: About, { ours, peer, theirs }: Rounds): Row {
  const { model, batch = 1, size = 0, precision = 'fp32', unit = 'ms' } = about;
  const ratios = theirs && ours.map((value, round) => value / theirs[round]!);
  const name = batch > 1 ? `${model}, batch ${batch}` : model;
  report.say(
    [
      name.padEnd(38),
      text(ours, 1).padStart(24),
      unit.padEnd(10),
      ...(theirs && ratios && peer
        ? [peer.padEnd(22), text(theirs, 1).padStart(24), `${unit}  ratio`, text(ratios, 3)]
        : []),
    ]
      .join(' ')
      .trimEnd(),
  );
  const median = (values: readonly number[]): number => spreadOf(values).median;
  const medians = { ours: median(ours), theirs: theirs && median(theirs), ratio: ratios && median(ratios) };
  return { model, batch, size, precision, unit, peer, ...medians };
}

/** The median, and where there are several rounds the middle half of them. */
function text(values: readonly number[], digits: number): string {
  const { median, low, high } = spreadOf(values);
  const middle = `${low.toFixed(digits)}–${high.toFixed(digits)}`;
  return values.length > 1 ? `${median.toFixed(digits)} (${middle})` : median.toFixed(digits);
}

/** The last line on stdout, for programs. */
export const jsonLine = (name: string, rows: readonly Row[]): string =>
  JSON.stringify({ name, machine: machine(), rows });
