import { familyOf } from '../config/families.js';
import { stepsPerEpoch } from '../data/batches.js';
import { type CleanedDataset, readCleanedDataset } from '../formats/dataset.js';
import type { TrainInput } from '../formats/train-io.js';
import { readState, type TrainingState } from '../formats/training-state.js';
import { variableSpecs } from '../model/efficientdet.js';
import { type Checkpoint, newestCheckpoint } from '../store/checkpoints.js';
import { type InitialWeights, loadInitialWeights } from './initial-weights.js';
import { resolvePrecision, thisHardware } from './precision.js';
import type { TrainOptions } from './training-run.js';

/** The state that a training starts or continues from. The program that is recorded depends on it. */
export type InitialState = {
  readonly dataset: CleanedDataset;
  readonly state: TrainingState;
  /** Lines for people. */
  readonly notes: readonly string[];
} & (
  | { readonly checkpoint: Checkpoint; readonly weights: null }
  | { readonly checkpoint: null; readonly weights: InitialWeights }
);

const NO_PREVIOUS =
  'warning: learns online without a previous version; nothing is distilled in the first tenth of the steps ' +
  '(student.pretrained can name one: a checkpoint, a run or a model of the same model_name and classes)';

/** Resumes from the newest committed checkpoint; without one, starts from initial weights. */
export async function loadInitialState(options: TrainOptions): Promise<InitialState> {
  const { input, datasetFolder, store, stageKey, settings } = options;
  const dataset = await readCleanedDataset(datasetFolder);
  const { checkpoint, skipped } = await newestCheckpoint(store, stageKey);
  const notes = skipped.map(reason => `passed over: ${reason}`);
  if (checkpoint)
    return { dataset, notes, checkpoint, state: await readState(checkpoint.folder), weights: null };
  const { training, online } = input;
  const weights = await loadInitialWeights(training.pretrained, {
    modelName: training.model_name,
    specs: variableSpecs({ family: familyOf(training.model_name), numClasses: dataset.classes.length }),
    classes: dataset.classes,
    images: dataset.splits.train.length,
    settings,
  });
  const hasPrevious = online !== null && weights.isPreviousVersion;
  const state = freshState(input, { dataset, hasPrevious });
  notes.push(weights.note);
  if (online && !hasPrevious) notes.push(NO_PREVIOUS);
  notes.push(`computes convolutions in ${state.precision}`);
  return { dataset, notes, checkpoint: null, weights, state };
}

function freshState(
  { training, seed, role }: TrainInput,
  { dataset, hasPrevious }: { dataset: CleanedDataset; hasPrevious: boolean },
): TrainingState {
  const perEpoch = stepsPerEpoch(dataset.splits.train.length, training.train_batch_size);
  return {
    model_name: training.model_name,
    image_size: training.image_size,
    classes: dataset.classes,
    role,
    seed,
    step: 0,
    moving_average_decay: training.hparams.moving_average_decay,
    aspect_ratios: training.hparams.aspect_ratios,
    nms_configs: training.hparams.nms_configs,
    best: null,
    has_previous: hasPrevious,
    precision: resolvePrecision(training.precision, thisHardware),
    backoff: { learning_rate: 1, distillation: 1 },
    lowest_losses: {},
    loss_averages: {},
    taught_until: null,
    history: {
      stepsPerEpoch: perEpoch,
      totalSteps: perEpoch * training.num_epochs,
      points: [],
      evaluations: [],
      warnings: [],
      rollbacks: [],
    },
  };
}
