/** A model with a batch of data in memory, and the training program that the benchmarks run on it. */
import { readFile } from 'node:fs/promises';
import { ASPECT_RATIOS, familyOf, type ModelName } from '../src/config/families.js';
import { Hparams, type Training } from '../src/config/run.js';
import type { TrainingBatch } from '../src/data/batches.js';
import { type AnchorGrid, anchorOptions, createAnchors } from '../src/detection/anchors.js';
import { SOFT_TERMS } from '../src/formats/training-history.js';
import { assignTargets } from '../src/detection/targets.js';
import { loadTensorFlow } from '../src/graph/tensorflow.js';
import { randomFrom } from '../src/random.js';
import { hasNvidiaGpu } from '../src/native/libtensorflow.js';
import { resolvePrecision, thisHardware } from '../src/training/precision.js';
import { TrainingSession } from '../src/training/session.js';
import type { StepScalars } from '../src/training/step-scalars.js';
import { recordTraining } from '../src/training/training-program.js';
import { milliseconds } from './timing.js';

export const CLASSES = 90;

type Box = [number, number, number, number];

/** The boxes of every image: [ymin, xmin, ymax, xmax] as shares of its side, and the class from 1. */
const BOXES: readonly (readonly [box: Box, label: number])[] = [
  [[0.05, 0.06, 0.45, 0.5], 2],
  [[0.3, 0.3, 0.7, 0.66], 3],
  [[0.1, 0.4, 0.9, 0.95], 17],
  [[0.6, 0.1, 0.68, 0.19], 44],
  [[0.02, 0.6, 0.2, 0.97], 90],
];

/** The same boxes in pixels. */
export const boxesAt = (size: number): [Box, number][] =>
  BOXES.map(([[ymin, xmin, ymax, xmax], label]) => [
    [ymin * size, xmin * size, ymax * size, xmax * size],
    label,
  ]);

export interface TrainingCase {
  readonly model: ModelName;
  readonly batch: number;
  /** By default auto, as in a run. */
  readonly precision?: Training['precision'];
  /** The file of a frozen teacher, and whether cached answers of it are fed; without it nothing is distilled. */
  readonly teacher?: { readonly file: string; readonly isFed: boolean };
}
export const sizeOf = ({ model }: Pick<TrainingCase, 'model'>): number => familyOf(model).imageSize;

export interface Recorded {
  readonly ms: number;
  readonly bytes: number;
  readonly nodes: number;
}

/** Records and writes a training program as a training does. */
export async function record(
  { model, batch, teacher, precision = 'auto' }: TrainingCase,
  folder: string,
): Promise<Recorded> {
  const size = sizeOf({ model });
  // The benchmarks' teachers are of the student's family.
  const { normalisation } = familyOf(model);
  const frozen = teacher && { frozen: await readFile(teacher.file), isFed: teacher.isFed, normalisation };
  let written = { nodes: 0, bytes: 0 };
  const ms = await milliseconds(async () => {
    written = await recordTraining({
      modelName: model,
      numClasses: CLASSES,
      imageSize: [size, size],
      trainBatchSize: batch,
      evalBatchSize: batch,
      hparams: Hparams.parse({}),
      teacher: frozen ?? null,
      softTerms: frozen ? SOFT_TERMS : [],
      online: null,
      precision: resolvePrecision(precision, thisHardware),
      useXla: !hasNvidiaGpu(),
    }).write(folder);
  });
  return { ms, ...written };
}

/** Records, loads and initialises a training program as a training does. */
export async function openSession(one: TrainingCase, folder: string): Promise<TrainingSession> {
  await record(one, folder);
  await loadTensorFlow();
  const size = sizeOf(one);
  const session = new TrainingSession(folder, [size, size]);
  await session.initialize(1);
  return session;
}

const SCALARS: StepScalars = {
  learning_rate: 1e-3,
  // The defaults of a run; without a teacher nothing reads them.
  soft_cls_loss: 2,
  soft_box_loss: 200,
  average_decay: 0,
  auxiliary_decay: 0,
  previous_share: 0,
};
/** The inputs of a step beside its batch. */
export const FEEDS = { seed: 1, scalars: SCALARS, teacher: null };

export function anchorsOf({ model }: Pick<TrainingCase, 'model'>): AnchorGrid {
  const size = sizeOf({ model });
  return createAnchors(anchorOptions(familyOf(model), ASPECT_RATIOS), [size, size]);
}

/** A batch of noise, every image with the same boxes. */
export function batchOf({ model, batch }: TrainingCase): TrainingBatch {
  const size = sizeOf({ model });
  const anchors = anchorsOf({ model });
  const targets = assignTargets(
    anchors,
    boxesAt(size).map(([box, label]) => ({ box, classIndex: label - 1 })),
  );
  const random = randomFrom('bench', model, batch);
  const repeated = <T extends Float32Array | Int32Array>(all: T, one: T): T => {
    for (let i = 0; i < batch; i++) all.set(one, i * one.length);
    return all;
  };
  return {
    step: 0,
    images: Float32Array.from({ length: batch * size * size * 3 }, () => random.uniform(-1, 1)),
    classTargets: repeated(new Int32Array(batch * anchors.count), targets.classTargets),
    boxTargets: repeated(new Float32Array(batch * anchors.count * 4), targets.boxTargets),
    numPositives: new Float32Array(batch).fill(targets.numPositives),
    sampleIds: Array.from({ length: batch }, (_, i) => String(i)),
    views: Array.from({ length: batch }, () => 0),
  };
}
