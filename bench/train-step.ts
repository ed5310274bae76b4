/**
 * One training step on the CPU (forward pass, losses, gradients, clipping, momentum) on a batch in memory: ours compared with
 * the variants of PyTorch effdet, and the tiny models compared with D0.
 */
import type { ModelName } from '../src/config/families.js';
import type { Skipped } from './candidate.js';
import { isSelected, type ModelSelection, TINY } from './models.js';
import type { Report } from './report.js';
import { pairOf, type RoundsOptions, timeRounds } from './rounds.js';
import { comparisonRow, type Row, skippedRow, type Subject } from './row.js';
import type { TrainingCase } from './training-case.js';
import {
  COMPARISONS,
  EFFDET_COMPILED,
  EFFDET_VARIANTS,
  type EffdetVariant,
  effdetTraining,
  ourTraining,
  subjectOf,
} from './training-candidates.js';

const D0: ModelName = 'efficientdet-d0';
const TINY_BATCH = 4;
const WARM_UP = 2;
const ROUNDS = 9;

export interface TrainStepOptions extends ModelSelection {
  /** Whether torch.compile is measured, too, which takes minutes to compile. */
  readonly compile: boolean;
  readonly glibcDefaults: boolean;
  /** The time limit of each comparison. */
  readonly seconds: number;
}

const PRECISIONS = [
  { precision: 'float32', short: 'fp32' },
  { precision: 'bfloat16', short: 'bf16' },
] as const;

export async function benchTrainStep(report: Report, options: TrainStepOptions): Promise<Row[]> {
  const { compile, glibcDefaults, seconds } = options;
  const variants: readonly EffdetVariant[] = compile
    ? [...EFFDET_VARIANTS, EFFDET_COMPILED]
    : EFFDET_VARIANTS;
  const limits = { report, warmUp: WARM_UP, rounds: ROUNDS, seconds };
  const rows: Row[] = [];
  for (const { isShared, ...one } of COMPARISONS.filter(({ model }) => isSelected(options, model)))
    for (const group of isShared ? [variants] : variants.map(variant => [variant]))
      rows.push(...(await compareWithEffdet({ one, variants: group, glibcDefaults }, limits)));
  const tiny = TINY.filter(model => isSelected(options, model));
  if (tiny.length > 0) rows.push(...(await compareWithD0(tiny, limits)));
  return rows;
}

interface EffdetComparison {
  readonly one: TrainingCase;
  readonly variants: readonly EffdetVariant[];
  readonly glibcDefaults: boolean;
}

async function compareWithEffdet(
  { one, variants, glibcDefaults }: EffdetComparison,
  options: RoundsOptions,
): Promise<Row[]> {
  const ours = PRECISIONS.map(({ precision, short }) => ({
    subject: { ...subjectOf(one), precision: short },
    candidate: ourTraining(`detdistill, ${precision}`, { ...one, precision }),
  }));
  const candidates = [
    ...ours.map(({ candidate }) => candidate),
    ...variants.map(variant => effdetTraining(variant, one, glibcDefaults)),
  ];
  const { rounds, skipped } = await timeRounds(candidates, options);
  const skippedOf = (name: string): Skipped | undefined => skipped.find(one => one.name === name);
  return ours.flatMap(({ subject, candidate: { name } }) => {
    const missing = skippedOf(name);
    if (missing) return [skippedRow(options.report, subject, missing)];
    return variants.map(peer =>
      rowOf(options.report, subject, skippedOf(peer) ?? pairOf(rounds, name, peer)),
    );
  });
}

const rowOf = (report: Report, subject: Subject, result: Skipped | ReturnType<typeof pairOf<number>>): Row =>
  'reason' in result ? skippedRow(report, subject, result) : comparisonRow(report, subject, result);

async function compareWithD0(models: readonly ModelName[], options: RoundsOptions): Promise<Row[]> {
  const candidates = [D0, ...models].map(model => ourTraining(model, { model, batch: TINY_BATCH }));
  const { rounds } = await timeRounds(candidates, options);
  return models.map(model =>
    comparisonRow(options.report, subjectOf({ model, batch: TINY_BATCH }), pairOf(rounds, model, D0)),
  );
}
