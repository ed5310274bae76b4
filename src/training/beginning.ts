import { familyOf } from '../config/families.js';
import { stepsPerEpoch } from '../data/batches.js';
import { type CleanedDataset, readCleanedDataset } from '../formats/dataset.js';
import { variableSpecs } from '../model/efficientdet.js';
import type { TrainInput } from '../formats/stage-io.js';
import type { Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { type Checkpoint, newestCheckpoint } from '../store/checkpoints.js';
import { readState, type TrainingState } from '../formats/training-state.js';
import { resolvePrecision, thisHardware } from './precision.js';
import { type Start, startingWeights } from './pretrained.js';

interface Where {
  readonly input: TrainInput;
  readonly stageKey: string;
  readonly datasetFolder: string;
  readonly store: ArtifactStore;
  readonly settings: Settings;
}

/** How a training begins; known before its program is recorded, which depends on it. */
export type Beginning = {
  readonly dataset: CleanedDataset;
  readonly state: TrainingState;
  /** Lines for people. */
  readonly notes: readonly string[];
} & (
  | { readonly checkpoint: Checkpoint; readonly start: null }
  | { readonly checkpoint: null; readonly start: Start }
);

/** From the newest committed checkpoint; else fresh, with weights from elsewhere. */
export async function findBeginning(where: Where): Promise<Beginning> {
  const dataset = await readCleanedDataset(where.datasetFolder);
  const { checkpoint, skipped } = await newestCheckpoint(where.store, where.stageKey);
  const notes = skipped.map(reason => `passed over: ${reason}`);
  if (checkpoint)
    return { dataset, notes, checkpoint, state: await readState(checkpoint.folder), start: null };
  const { training, online } = where.input;
  const start = await startingWeights(training.pretrained, {
    modelName: training.model_name,
    specs: variableSpecs({ family: familyOf(training.model_name), numClasses: dataset.classes.length }),
    classes: dataset.classes,
    settings: where.settings,
  });
  notes.push(start.note);
  const hasPrevious = online ? start.isVersion : false;
  if (online && !hasPrevious) notes.push(NO_PREVIOUS);
  const state = freshState(where.input, { dataset, hasPrevious });
  notes.push(`computes convolutions in ${state.precision}`);
  return { dataset, notes, checkpoint: null, start, state };
}

const NO_PREVIOUS =
  'warning: learns online without a previous version; nothing is distilled in the first tenth of the steps ' +
  '(student.pretrained can name one: a checkpoint, a run or a model of the same model_name and classes)';

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
    caution: 1,
    history: {
      stepsPerEpoch: perEpoch,
      totalSteps: perEpoch * training.num_epochs,
      points: [],
      evaluations: [],
      rollbacks: [],
    },
  };
}
