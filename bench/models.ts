import type { ModelName } from '../src/config/families.js';

/** effdet does not have the tiny models, so they are compared with D0. */
export const TINY = [
  'efficientdet-t0',
  'efficientdet-t1',
  'efficientdet-t2',
] as const satisfies readonly ModelName[];
/** The models whose training is compared with effdet's. */
export const COMPARED = ['efficientdet-d0', 'efficientdet-d2'] as const satisfies readonly ModelName[];
/** The models whose training steps are measured. */
export const STEPPED = [...COMPARED, ...TINY] as const satisfies readonly ModelName[];
/** The models whose training programs are recorded. */
export const RECORDED = [...COMPARED, 'efficientdet-d6', ...TINY] as const satisfies readonly ModelName[];
/** The teachers of the distillation benchmark. */
export const TEACHERS = [
  'efficientdet-d2',
  'efficientdet-d3',
  'efficientdet-d4',
] as const satisfies readonly ModelName[];

/** Names of models that were given on the command line; none stands for all. */
export interface ModelSelection {
  readonly models: readonly string[];
}

export const isSelected = ({ models }: ModelSelection, model: ModelName): boolean =>
  models.length === 0 || models.includes(model);
