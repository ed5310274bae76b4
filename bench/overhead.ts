/**
 * What Temporal costs: a small run on the demo's images through its server and workers, against the same activities without
 * either, and against the same stages in one process, which has no trainer process either.
 */
import { join } from 'node:path';
import { cutDemoData } from '../src/cli/demo-data.js';
import { parseRunConfig, type RunConfig } from '../src/config/run.js';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import { type Contestant, type Measured, takeTurns } from './contestants.js';
import { inFolder } from './folder.js';
import type { OpenPipeline, Way } from './programs/pipeline.js';
import type { Report } from './report.js';
import { against, type Row } from './row.js';

const SIZE = 128;
const BATCH = 8;
const OURS = 'temporal' satisfies Way;
const PEERS = ['activities', 'direct'] as const satisfies readonly Way[];

interface Run extends Measured {
  /** Milliseconds of each stage's own work. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface OverheadCase {
  readonly epochs: number;
  readonly rounds: number;
}

export const benchOverhead = (report: Report, { epochs, rounds }: OverheadCase): Promise<Row[]> =>
  inFolder(async root => {
    const settings = readSettings();
    const parts = await provideNativeParts({ settings, parts: ['demo-images'] });
    const data = await cutDemoData(parts['demo-images'], join(root, 'data'));
    const config = configOf(data, epochs);
    const ways: readonly Way[] = [OURS, ...PEERS];
    const contestants = ways.map((way): Contestant => {
      const open: OpenPipeline = { way, config };
      return { name: way, program: { module: './programs/pipeline.js' }, open };
    });
    const runs = await takeTurns<Run>(contestants, { report, rounds, warmUp: 0, seconds: Infinity });
    return PEERS.flatMap(peer => rowsOf(report, runs.get(OURS)!, { peer, theirs: runs.get(peer)! }));
  });

/** Without a teacher: what one learns in so few epochs is not always fit to teach. */
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

function rowsOf(
  report: Report,
  ours: readonly Run[],
  { peer, theirs }: { peer: string; theirs: readonly Run[] },
): Row[] {
  const row = (model: string, of: (run: Run) => number, unit = 'ms'): Row =>
    against(
      report,
      { model, unit, batch: BATCH, size: SIZE },
      { ours: ours.map(of), peer, theirs: theirs.map(of) },
    );
  return [
    row('run', ({ ms }) => ms),
    ...Object.keys(ours[0]!.stages).map(stage => row(stage, ({ stages }) => stages[stage]!)),
    row('outside of stages', outside),
    row('outside of stages, of the run', run => (100 * outside(run)) / run.ms, '%'),
  ];
}

/** Between the stages, before the first and after the last: scheduling, commits, publishing. */
const outside = ({ ms, stages }: Run): number =>
  ms - Object.values(stages).reduce((sum, stage) => sum + stage, 0);
