/**
 * Peak memory of processes that do nothing but train, one after the other, compared with effdet; and the time from the start of
 * our process to the end of its first step. PyTorch returns freed memory here (glibc's defaults): keeping it would count against it.
 */
import { type Candidate, isRunning, type Measurement, type Skipped, start } from './candidate.js';
import { isSelected, type ModelSelection } from './models.js';
import type { Report } from './report.js';
import { comparisonRow, figureRow, type Row, skippedRow } from './row.js';
import {
  COMPARISONS,
  EFFDET_VARIANTS,
  effdetTraining,
  ourTraining,
  subjectOf,
} from './training-candidates.js';

const STEPS = 3;

interface Step extends Measurement {
  /** Milliseconds from the start of the process; only our own programs tell. */
  readonly sinceStartMs?: number;
}

export async function benchMemory(report: Report, selection: ModelSelection): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { isShared: _, ...one } of COMPARISONS.filter(({ model }) => isSelected(selection, model))) {
    const ours = await trainSteps(ourTraining('detdistill', one), report);
    if ('reason' in ours) throw new Error(`${ours.name} cannot run: ${ours.reason}`);
    const subject = { ...subjectOf(one), model: `${one.model}, peak`, unit: 'MiB' };
    const [first] = ours.steps;
    rows.push(
      figureRow(report, { ...subjectOf(one), model: `${one.model}, first step` }, [
        first?.sinceStartMs ?? NaN,
      ]),
    );
    for (const variant of EFFDET_VARIANTS) {
      const peer = await trainSteps(effdetTraining(variant, one, true), report);
      rows.push(
        'reason' in peer
          ? skippedRow(report, subject, peer)
          : comparisonRow(report, subject, { ours: [peakOf(ours)], peer: variant, theirs: [peakOf(peer)] }),
      );
    }
  }
  return rows;
}

interface Training {
  readonly steps: readonly Step[];
}

const peakOf = ({ steps }: Training): number => Math.max(...steps.map(({ peakMiB }) => peakMiB));

/** Starts a candidate and lets it take its steps. */
async function trainSteps(candidate: Candidate, report: Report): Promise<Training | Skipped> {
  const started = await start<Step>(candidate, report);
  if (!isRunning(started)) return started;
  try {
    const steps: Step[] = [];
    while (steps.length < STEPS) {
      report.progress(`${started.name}: step ${steps.length + 1} of ${STEPS}`);
      steps.push(await started.measure());
    }
    return { steps };
  } finally {
    await started.end();
  }
}
