import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type FamilyRow } from '../config/families.js';
import { type AnchorGrid, createAnchors } from '../detection/anchors.js';
import type { CleanedSample } from './dataset.js';
import { evaluationSample, type SampleRecipe, type TrainingRecipe, trainingSample } from './samples.js';

type Anchors = Pick<FamilyRow, 'minLevel' | 'maxLevel' | 'anchorScale'>;

export interface TrainingTask {
  readonly sample: CleanedSample;
  readonly epoch: number;
  readonly recipe: TrainingRecipe;
  readonly anchors: Anchors;
}
export interface EvaluationTask {
  readonly sample: CleanedSample;
  readonly recipe: SampleRecipe;
}

/** The grid of the last task: a run has one. */
let known: { readonly key: string; readonly grid: AnchorGrid } | undefined;

function gridOf(anchors: Anchors, imageSize: readonly [number, number]): AnchorGrid {
  const key = JSON.stringify([anchors, imageSize]);
  if (known?.key !== key) known = { key, grid: createAnchors(anchors, imageSize) };
  return known.grid;
}

/** Buffers are handed over, not copied. */
const handOver = (value: object, arrays: readonly ArrayBufferView[]): unknown =>
  move({ [transferableSymbol]: arrays.map(({ buffer }) => buffer), [valueSymbol]: value });

export async function train({ sample, epoch, recipe, anchors }: TrainingTask): Promise<unknown> {
  const result = await trainingSample(sample, { epoch, recipe, grid: gridOf(anchors, recipe.imageSize) });
  return handOver(result, [result.image, result.classTargets, result.boxTargets]);
}

export async function evaluate({ sample, recipe }: EvaluationTask): Promise<unknown> {
  const result = await evaluationSample(sample, recipe);
  return handOver(result, [result.image]);
}
