import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type AnchorGrid, type AnchorOptions, createAnchors } from '../detection/anchors.js';
import { AppError, type ErrorFacts } from '../errors/index.js';
import type { CleanedSample } from '../formats/dataset.js';
import { evaluationSample, type SampleRecipe, type TrainingRecipe, trainingSample } from './samples.js';

export interface TrainingTask {
  readonly sample: CleanedSample;
  /** The number of the sample's view: see `viewOf`. */
  readonly view: number;
  readonly recipe: TrainingRecipe;
  readonly anchors: AnchorOptions;
}
export interface EvaluationTask {
  readonly sample: CleanedSample;
  readonly recipe: SampleRecipe;
}

/** The grid of the last task; all tasks of a run have the same one. */
let cached: { readonly key: string; readonly grid: AnchorGrid } | undefined;

function gridOf(anchors: AnchorOptions, imageSize: readonly [number, number]): AnchorGrid {
  const key = JSON.stringify([anchors, imageSize]);
  if (cached?.key !== key) cached = { key, grid: createAnchors(anchors, imageSize) };
  return cached.grid;
}

/** The result of a task. Errors are returned, because a thrown one would lose its code between threads. */
export type TaskResult<T> = { readonly value: T } | { readonly failure: ErrorFacts };

/** Waits for the result; its buffers are moved to the main thread, not copied. */
async function taskResult<T>(
  work: Promise<T>,
  buffersOf: (value: T) => readonly ArrayBufferView[],
): Promise<unknown> {
  try {
    const value = await work;
    const buffers = buffersOf(value).map(({ buffer }) => buffer);
    return move({ [transferableSymbol]: buffers, [valueSymbol]: { value } satisfies TaskResult<T> });
  } catch (error) {
    if (error instanceof AppError) return { failure: error.toJSON() } satisfies TaskResult<T>;
    throw error;
  }
}

export const train = ({ sample, view, recipe, anchors }: TrainingTask): Promise<unknown> =>
  taskResult(
    trainingSample(sample, { view, recipe, grid: gridOf(anchors, recipe.imageSize) }),
    ({ image, classTargets, boxTargets }) => [image, classTargets, boxTargets],
  );

export const evaluate = ({ sample, recipe }: EvaluationTask): Promise<unknown> =>
  taskResult(evaluationSample(sample, recipe), ({ image }) => [image]);
