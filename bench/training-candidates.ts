/** The implementations of a training step: ours, and effdet with its PyTorch variants. */
import { familyOf, type ModelName } from '../src/config/families.js';
import { physicalCores } from '../src/inference/onnxruntime.js';
import type { Candidate } from './candidate.js';
import type { Subject } from './row.js';
import { boxesAt, CLASSES, sizeOf, type TrainingCase } from './training-case.js';

/** Where we and all variants of effdet fit into 20 GB of memory, they share their rounds; else each variant gets its own. */
export const COMPARISONS: readonly (TrainingCase & { readonly isShared: boolean })[] = [
  { model: 'efficientdet-d0', batch: 4, isShared: true },
  { model: 'efficientdet-d0', batch: 8, isShared: false },
  { model: 'efficientdet-d2', batch: 2, isShared: false },
];
export const EFFDET_VARIANTS = ['effdet-fp32', 'effdet-channels-last', 'effdet-bf16'] as const;
export const EFFDET_COMPILED = 'effdet-compile';
export type EffdetVariant = (typeof EFFDET_VARIANTS)[number] | typeof EFFDET_COMPILED;

export const ourTraining = (name: string, one: TrainingCase): Candidate => ({
  name,
  program: { module: './programs/train-step.js' },
  open: one,
});

/** google/automl, and so we, switch stochastic depth off for the backbone of D0; effdet's own configuration has .2 for all. */
const dropPathRate = (model: ModelName): number => (familyOf(model).backbone === 'efficientnet-b0' ? 0 : 0.2);

export function effdetTraining(variant: EffdetVariant, one: TrainingCase, glibcDefaults: boolean): Candidate {
  const size = sizeOf(one);
  const open = {
    variant,
    ...{ model: one.model, batch: one.batch, size, classes: CLASSES, boxes: boxesAt(size) },
    ...{ threads: physicalCores(), drop_path_rate: dropPathRate(one.model) },
  };
  return { name: variant, program: { script: 'effdet_train.py', packages: 'heavy', glibcDefaults }, open };
}

export const subjectOf = ({ model, batch }: TrainingCase): Subject => ({
  model,
  batch,
  size: sizeOf({ model }),
});
