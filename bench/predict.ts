/**
 * Prediction on the CPU at batch 1 and 8: the network alone, D0 compared with PyTorch effdet and with onnxruntime on effdet's own
 * ONNX export; from images to detections, onnxruntime compared with TensorFlow; and the tiny models compared with D0.
 */
import { join } from 'node:path';
import { familyOf, type ModelName } from '../src/config/families.js';
import { NmsConfigs } from '../src/config/run.js';
import { physicalCores } from '../src/inference/onnxruntime.js';
import { writeModel } from '../src/export/model-folder.js';
import type { EngineName } from '../src/settings.js';
import type { Candidate } from './candidate.js';
import { goldenModel } from './fixtures/golden-model.js';
import { TINY } from './models.js';
import type { OpenPredictor } from './programs/predict.js';
import type { Report } from './report.js';
import { pairOf, type RoundsOptions, timeRounds } from './rounds.js';
import { comparisonRow, type Row, type Subject } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

const CLASSES = 90;
/** Rounds of one image; larger batches get fewer. */
const ROUNDS = 25;
const roundsOf = (batch: number): number => Math.max(7, Math.ceil(ROUNDS / batch));
/** Predictions of one measurement. */
const repeatsOf = (batch: number): number => (batch === 1 ? 5 : 1);
const WARM_UP = 3;
const D0: ModelName = 'efficientdet-d0';
const PEERS = ['effdet-fp32', 'effdet-channels-last', 'onnxruntime'] as const;
const OURS = 'detdistill';

type Limits = Pick<RoundsOptions, 'report' | 'seconds'>;
/** The time limit of each comparison. */
export type TimeLimit = Pick<RoundsOptions, 'seconds'>;
export interface PredictOptions extends TimeLimit {
  readonly glibcDefaults: boolean;
}

interface PredictionCase {
  /** The model folder. */
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
}

export const benchPredict = (report: Report, { seconds, glibcDefaults }: PredictOptions): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    const folder = await writeGolden(D0, root);
    const rows: Row[] = [];
    for (const batch of [1, 8]) {
      const one = { folder, model: D0, batch };
      rows.push(...(await compareNetworks(one, glibcDefaults, { report, seconds })));
      rows.push(await compareEngines(one, { report, seconds }));
    }
    return rows;
  });

/** The tiny models and D0 in the same rounds. */
export const benchTiny = (report: Report, { seconds }: TimeLimit): Promise<Row[]> =>
  inTemporaryFolder(async root => {
    const candidates: Candidate[] = [];
    for (const model of [D0, ...TINY])
      candidates.push(ourPrediction(model, { folder: await writeGolden(model, root), model, batch: 1 }));
    const { rounds } = await timeRounds(candidates, {
      report,
      seconds,
      warmUp: WARM_UP,
      rounds: roundsOf(1),
    });
    return TINY.map(model =>
      comparisonRow(report, { model, size: sizeOf(model) }, pairOf(rounds, model, D0)),
    );
  });

const sizeOf = (name: ModelName): number => familyOf(name).imageSize;
const subjectOf = ({ model, batch }: PredictionCase): Subject => ({ model, batch, size: sizeOf(model) });

/** Writes a model with the golden weights, which effdet gets, too: a fresh model gives the same answer for every cell. */
async function writeGolden(name: ModelName, root: string): Promise<string> {
  const folder = join(root, name);
  const { card, weights } = goldenModel(name, [sizeOf(name), sizeOf(name)], CLASSES);
  // With this threshold some dozens of cells of D0 remain when it is given noise.
  const nms_configs = NmsConfigs.parse({ score_thresh: 0.57 });
  await writeModel(folder, { card: { ...card, nms_configs }, weights });
  return folder;
}

async function compareNetworks(one: PredictionCase, glibcDefaults: boolean, limits: Limits): Promise<Row[]> {
  const candidates = [
    ourPrediction(OURS, one),
    ...PEERS.map(variant => effdetPrediction(variant, one, glibcDefaults)),
  ];
  const { rounds } = await timeRounds(candidates, {
    ...limits,
    warmUp: WARM_UP,
    rounds: roundsOf(one.batch),
  });
  return PEERS.map(peer => comparisonRow(limits.report, subjectOf(one), pairOf(rounds, OURS, peer)));
}

async function compareEngines(one: PredictionCase, limits: Limits): Promise<Row> {
  const candidates = (['onnxruntime', 'tensorflow'] as const).map(engine =>
    ourPrediction(engine, one, engine),
  );
  const { rounds } = await timeRounds(candidates, { ...limits, warmUp: 1, rounds: roundsOf(one.batch) });
  const pair = pairOf(rounds, 'onnxruntime', 'tensorflow');
  return comparisonRow(limits.report, subjectOf(one), { ...pair, peer: 'tensorflow, whole' });
}

/** @param engine null: the network alone */
function ourPrediction(
  name: string,
  { folder, model, batch }: PredictionCase,
  engine: EngineName | null = null,
): Candidate {
  const open: OpenPredictor = { folder, size: sizeOf(model), batch, repeats: repeatsOf(batch), engine };
  return { name, program: { module: './programs/predict.js' }, open };
}

const effdetPrediction = (
  variant: (typeof PEERS)[number],
  { model, batch }: PredictionCase,
  glibcDefaults: boolean,
): Candidate => ({
  name: variant,
  program: { script: 'effdet_predict.py', packages: 'heavy', glibcDefaults },
  open: {
    ...{ variant, model, classes: CLASSES, size: sizeOf(model) },
    ...{ batch, repeats: repeatsOf(batch), threads: physicalCores() },
  },
});
