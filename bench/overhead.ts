/**
 * The cost of Temporal: a small run on the images of the demo through its server and workers, compared with the same activities
 * called directly, and with the same stages in a single process, which has no trainer process either.
 */
import { join } from 'node:path';
import { cutDemoData } from '../src/cli/demo-data.js';
import { parseRunConfig, type RunConfig } from '../src/config/run.js';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import type { Candidate, Measurement } from './candidate.js';
import type { OpenPipeline, Way } from './programs/pipeline.js';
import type { Report } from './report.js';
import { measureRounds, pairOf, type Rounds } from './rounds.js';
import { comparisonRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

const SIZE = 128;
const BATCH = 8;
const OURS = 'temporal' satisfies Way;
const PEERS = ['activities', 'direct'] as const satisfies readonly Way[];

interface Run extends Measurement {
  /** The milliseconds of each stage's own work. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface OverheadOptions {
  readonly epochs: number;
  readonly rounds: number;
}

export const benchOverhead = (report: Report, { epochs, rounds }: OverheadOptions): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    const settings = readSettings();
    const parts = await provideNativeParts({ settings, parts: ['demo-images'] });
    const data = await cutDemoData(parts['demo-images'], join(root, 'data'));
    const config = configOf(data, epochs);
    const ways: readonly Way[] = [OURS, ...PEERS];
    const candidates = ways.map((way): Candidate => {
      const open: OpenPipeline = { way, config };
      return { name: way, program: { module: './programs/pipeline.js' }, open };
    });
    const limits = { report, warmUp: 0, rounds, seconds: Infinity };
    const { rounds: runs } = await measureRounds<Run>(candidates, limits);
    return PEERS.flatMap(peer => rowsOf(report, runs, peer));
  });

/** There is no teacher, because one that learns for so few epochs may not be fit to teach. */
const configOf = (data: { train: string; eval: string }, epochs: number): RunConfig =>
  parseRunConfig(
    {
      name: 'bench',
      data,
      student: {
        model_name: 'efficientdet-d0',
        image_size: SIZE,
        train_batch_size: BATCH,
        num_epochs: epochs,
        pretrained: 'none',
      },
    },
    'bench',
  );

function rowsOf(report: Report, runs: Rounds<Run>, peer: string): Row[] {
  const { ours, theirs } = pairOf(runs, OURS, peer);
  const row = (model: string, of: (run: Run) => number, unit = 'ms'): Row =>
    comparisonRow(
      report,
      { model, unit, batch: BATCH, size: SIZE },
      { ours: ours.map(of), peer, theirs: theirs.map(of) },
    );
  const stages = Object.keys(ours[0]?.stages ?? {});
  return [
    row('run', ({ ms }) => ms),
    ...stages.map(stage => row(stage, run => run.stages[stage]!)), // every run has the same stages
    row('outside of stages', outside),
    row('outside of stages, of the run', run => (100 * outside(run)) / run.ms, '%'),
  ];
}

/** The milliseconds between the stages, before the first and after the last: scheduling, commits, publishing. */
const outside = ({ ms, stages }: Run): number =>
  ms - Object.values(stages).reduce((sum, stage) => sum + stage, 0);
