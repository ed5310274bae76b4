import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type AnchorGrid, type AnchorOptions, createAnchors } from '../detection/anchors.js';
import { AppError, type ErrorFacts } from '../errors/index.js';
import type { CleanedSample } from '../formats/dataset.js';
import { evaluationSample, type SampleRecipe, type TrainingRecipe, trainingSample } from './samples.js';

export interface TrainingTask {
  readonly sample: CleanedSample;
  /** Which of the sample's views: see `viewOf`. */
  readonly view: number;
  readonly recipe: TrainingRecipe;
  readonly anchors: AnchorOptions;
}
export interface EvaluationTask {
  readonly sample: CleanedSample;
  readonly recipe: SampleRecipe;
}

/** The grid of the last task: a run has one. */
let known: { readonly key: string; readonly grid: AnchorGrid } | undefined;

function gridOf(anchors: AnchorOptions, imageSize: readonly [number, number]): AnchorGrid {
  const key = JSON.stringify([anchors, imageSize]);
  if (known?.key !== key) known = { key, grid: createAnchors(anchors, imageSize) };
  return known.grid;
}

/** What a thread answers: a thrown error would lose its code on the way. */
export type Answer<T> = { readonly value: T } | { readonly failure: ErrorFacts };

/** Buffers are handed over, not copied. */
async function answer<T>(
  work: Promise<T>,
  buffersOf: (value: T) => readonly ArrayBufferView[],
): Promise<unknown> {
  try {
    const value = await work;
    const buffers = buffersOf(value).map(({ buffer }) => buffer);
    return move({ [transferableSymbol]: buffers, [valueSymbol]: { value } satisfies Answer<T> });
  } catch (error) {
    if (error instanceof AppError) return { failure: error.toJSON() } satisfies Answer<T>;
    throw error;
  }
}

export const train = ({ sample, view, recipe, anchors }: TrainingTask): Promise<unknown> =>
  answer(
    trainingSample(sample, { view, recipe, grid: gridOf(anchors, recipe.imageSize) }),
    ({ image, classTargets, boxTargets }) => [image, classTargets, boxTargets],
  );

export const evaluate = ({ sample, recipe }: EvaluationTask): Promise<unknown> =>
  answer(evaluationSample(sample, recipe), ({ image }) => [image]);
