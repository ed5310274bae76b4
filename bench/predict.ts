/**
 * Prediction on CPUs: the network alone, and with scaling, normalising and suppression, at batch 1 and 8; D0 against PyTorch
 * effdet and against onnxruntime on effdet's own ONNX export, and the tiny families against D0.
 */
import { join } from 'node:path';
import { familyOf, type ModelName } from '../src/config/families.js';
import { NmsConfigs } from '../src/config/run.js';
import { physicalCores } from '../src/inference/onnxruntime.js';
import { writeModel } from '../src/export/model-folder.js';
import type { EngineName } from '../src/settings.js';
import { goldenModel } from './fixtures/golden-model.js';
import { type Contestant, KEEP_MEMORY, race, type RaceOptions } from './contestants.js';
import { inFolder } from './folder.js';
import type { OpenPredictor } from './programs/predict.js';
import type { Report } from './report.js';
import { against, type Row } from './row.js';
import { TINY } from './trained.js';

const CLASSES = 90;
/** Of one image; of more at a time, fewer. */
const ROUNDS = 25;
const roundsOf = (batch: number): number => Math.max(7, Math.ceil(ROUNDS / batch));
/** Predictions of a round. */
const inARowOf = (batch: number): number => (batch === 1 ? 5 : 1);
const WARM_UP = 3;
const D0: ModelName = 'efficientdet-d0';
const PEERS = ['effdet-fp32', 'effdet-channels-last', 'onnxruntime'] as const;
const OURS = 'detdistill';

type Options = Pick<RaceOptions, 'report' | 'seconds'>;
type NetworkOptions = Options & PredictCase;
export type Limit = Pick<RaceOptions, 'seconds'>;
export interface PredictCase extends Limit {
  /** effdet with memory that it keeps. */
  readonly keepMemory: boolean;
}

const sizeOf = (name: ModelName): number => familyOf(name).imageSize;

/** A model folder with the golden weights, which effdet is given, too: those of a fresh model answer the same everywhere. */
async function writeGolden(name: ModelName, root: string): Promise<string> {
  const folder = join(root, name);
  const { card, weights } = goldenModel(name, [sizeOf(name), sizeOf(name)], CLASSES);
  // Of D0's answers to noise it leaves some dozens of cells.
  const nms_configs = NmsConfigs.parse({ score_thresh: 0.57 });
  await writeModel(folder, { card: { ...card, nms_configs }, weights });
  return folder;
}

interface Case {
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
}

function ours(name: string, { folder, model, batch }: Case, engine: EngineName | null = null): Contestant {
  const open: OpenPredictor = { folder, size: sizeOf(model), batch, inARow: inARowOf(batch), engine };
  return { name, program: { module: './programs/predict.js' }, open };
}

const effdet = (what: string, { model, batch }: Case): Contestant => ({
  name: what,
  program: { script: 'effdet_predict.py', packages: 'heavy' },
  open: {
    ...{ what, model, classes: CLASSES, size: sizeOf(model) },
    ...{ batch, inARow: inARowOf(batch), threads: physicalCores() },
  },
});

async function network(one: Case, { report, seconds, keepMemory }: NetworkOptions): Promise<Row[]> {
  const env = keepMemory ? { env: KEEP_MEMORY } : {};
  const contestants = [ours(OURS, one), ...PEERS.map(what => ({ ...effdet(what, one), ...env }))];
  const times = await race(contestants, {
    report,
    seconds,
    warmUp: WARM_UP,
    rounds: roundsOf(one.batch),
  });
  const about = { model: one.model, batch: one.batch, size: sizeOf(one.model) };
  return PEERS.map(peer =>
    against(report, about, { ours: times.get(OURS)!, peer, theirs: times.get(peer)! }),
  );
}

async function whole(one: Case, { report, seconds }: Options): Promise<Row> {
  const engines = ['onnxruntime', 'tensorflow'] as const;
  const times = await race(
    engines.map(engine => ours(engine, one, engine)),
    { report, seconds, warmUp: 1, rounds: roundsOf(one.batch) },
  );
  return against(
    report,
    { model: one.model, batch: one.batch, size: sizeOf(one.model) },
    { ours: times.get('onnxruntime')!, peer: 'tensorflow, whole', theirs: times.get('tensorflow')! },
  );
}

export const benchPredict = (report: Report, { seconds, keepMemory }: PredictCase): Promise<Row[]> =>
  inFolder(async root => {
    const folder = await writeGolden(D0, root);
    const rows: Row[] = [];
    const options = { report, seconds };
    for (const batch of [1, 8]) {
      const one = { folder, model: D0, batch };
      rows.push(...(await network(one, { ...options, keepMemory })), await whole(one, options));
    }
    return rows;
  });

/** The tiny families against D0, in the same rounds. */
export const benchTiny = (report: Report, { seconds }: Limit): Promise<Row[]> =>
  inFolder(async root => {
    const contestants: Contestant[] = [];
    for (const model of [D0, ...TINY])
      contestants.push(ours(model, { folder: await writeGolden(model, root), model, batch: 1 }));
    const times = await race(contestants, { report, seconds, warmUp: WARM_UP, rounds: roundsOf(1) });
    return TINY.map(model =>
      against(
        report,
        { model, size: sizeOf(model) },
        { ours: times.get(model)!, peer: D0, theirs: times.get(D0)! },
      ),
    );
  });
