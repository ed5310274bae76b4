import type { ModelName } from '../src/config/families.js';

/** effdet has no such models: they are measured against D0. */
export const TINY = [
  'efficientdet-t0',
  'efficientdet-t1',
  'efficientdet-t2',
] as const satisfies readonly ModelName[];
/** Peak memory is compared of these. */
export const MEASURED = ['efficientdet-d0', 'efficientdet-d2'] as const satisfies readonly ModelName[];
/** Training steps, of these. */
export const TRAINED = [...MEASURED, ...TINY] as const satisfies readonly ModelName[];
export const RECORDED = [...MEASURED, 'efficientdet-d6', ...TINY] as const satisfies readonly ModelName[];
/** Whose answers a student learns from. */
export const TEACHERS = [
  'efficientdet-d2',
  'efficientdet-d3',
  'efficientdet-d4',
] as const satisfies readonly ModelName[];
