import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { FamilyRow } from '../config/families.js';
import { compiledModule } from '../package-root.js';
import type { Training } from '../config/run.js';
import { anchorOptions } from '../detection/anchors.js';
import { AppError } from '../errors/index.js';
import { randomFrom } from '../random.js';
import type { CleanedDataset, CleanedSample, Split } from '../formats/dataset.js';
import type { EvaluationTask, TaskResult, TrainingTask } from './sample-worker.js';
import type { EvaluationSample, SampleRecipe, TrainingRecipe, TrainingSample } from './samples.js';

export interface TrainingBatch {
  readonly step: number;
  /** [batch, height, width, 3], normalised. */
  readonly images: Float32Array;
  /** [batch, anchors]: class index, BACKGROUND or IGNORED. */
  readonly classTargets: Int32Array;
  /** [batch, anchors, 4] */
  readonly boxTargets: Float32Array;
  /** [batch] */
  readonly numPositives: Float32Array;
  readonly sampleIds: readonly string[];
  /** [batch]: the view of each sample; see `viewOf`. */
  readonly views: readonly number[];
}

export interface EvaluationBatch {
  /** [batch, height, width, 3], normalised; the last batch is padded with zeros. */
  readonly images: Float32Array;
  readonly samples: readonly CleanedSample[];
  /** By sample: image pixels per network pixel. */
  readonly scales: readonly EvaluationSample['scale'][];
}

/** The number of batches that are prepared while one is used. */
const PREFETCHED = 3;

/** A thread ends after it was idle for this long; one step of a large model takes seconds. */
const IDLE_MS = 60_000;

const threads = (): number => Math.max(2, Math.min(8, availableParallelism() - 1));

/**
 * Threads that decode and augment images and match anchors. Each thread gets its share of the prefetched batches at once, as
 * the main thread cannot hand out tasks while a training step runs.
 */
function openPool(batchSize: number): Piscina {
  const count = threads();
  return new Piscina({
    filename: compiledModule('./sample-worker.js', import.meta.url).href,
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: Math.ceil((PREFETCHED * batchSize) / count),
    idleTimeout: IDLE_MS,
  });
}

/** Runs a function of sample-worker.ts in a thread. @typeParam T its result */
async function runTask<T>(pool: Piscina, name: string, task: TrainingTask | EvaluationTask): Promise<T> {
  const result = (await pool.run(task, { name })) as TaskResult<T>; // the workers return nothing else
  if ('failure' in result) throw AppError.from(result.failure);
  return result.value;
}

/** Steps of one pass over the training split. A split that is smaller than a batch is repeated to fill it, in other views. */
export const stepsPerEpoch = (samples: number, batchSize: number): number =>
  Math.max(1, Math.floor(samples / batchSize));

interface ShownSample {
  readonly sample: CleanedSample;
  /** Counts the times that the training shows the sample, and those at which an epoch leaves it out. */
  readonly turn: number;
}

/** The samples of a step are a pure function of seed and step, so a resumed run continues with exactly the same batches. */
export function samplesOfStep(
  samples: readonly CleanedSample[],
  { step, batchSize, seed }: { step: number; batchSize: number; seed: number },
): ShownSample[] {
  const { length } = samples;
  const perEpoch = stepsPerEpoch(length, batchSize);
  const turnsPerEpoch = Math.ceil(batchSize / length);
  const epoch = Math.floor(step / perEpoch);
  const order = shuffled(samples, seed, epoch);
  const start = (step % perEpoch) * batchSize;
  return Array.from({ length: batchSize }, (_, i) => ({
    sample: order[(start + i) % length]!,
    turn: epoch * turnsPerEpoch + Math.floor((start + i) / length),
  }));
}

/**
 * The view in which a sample is shown. A view is one fixed augmentation: equal views of a sample have equal pixels.
 * @param views the number of views, which take turns; 0: each turn has a new one
 */
export const viewOf = (turn: number, views: number): number => (views === 0 ? turn : turn % views);

let lastOrder:
  | { readonly key: string; readonly samples: readonly CleanedSample[]; readonly order: CleanedSample[] }
  | undefined;

function shuffled(samples: readonly CleanedSample[], seed: number, epoch: number): CleanedSample[] {
  const key = `${seed}/${epoch}`;
  if (lastOrder?.key !== key || lastOrder.samples !== samples)
    lastOrder = { key, samples, order: randomFrom(seed, 'order', epoch).shuffle(samples) };
  return lastOrder.order;
}

export interface TrainingBatchOptions {
  readonly folder: string;
  readonly dataset: CleanedDataset;
  readonly training: Training;
  readonly family: FamilyRow;
  readonly seed: number;
  /** The number of views of each sample; 0: unlimited. See `viewOf`. */
  readonly views: number;
  readonly startStep: number;
  readonly totalSteps: number;
  /** Receives one line of text if the data cannot be used completely. */
  readonly onNote?: (note: string) => void;
}

/** Batches from `startStep` on, prefetched in worker threads. */
export async function* trainingBatches({
  folder,
  dataset,
  training,
  family,
  seed,
  views,
  startStep,
  totalSteps,
  onNote,
}: TrainingBatchOptions): AsyncGenerator<TrainingBatch> {
  const pool = openPool(training.train_batch_size);
  const { hparams, image_size: imageSize, train_batch_size: batchSize } = training;
  const recipe: TrainingRecipe = { folder, imageSize, normalisation: family.normalisation, hparams, seed };
  const anchors = anchorOptions(family, hparams.aspect_ratios);
  const limit = hparams.max_instances_per_image ?? Infinity;
  const crowded = countCrowded(dataset.splits.train, limit);
  if (crowded > 0)
    onNote?.(
      `${crowded} images have more than ${limit} boxes (max_instances_per_image): where a view shows more, the first ones are ` +
        'trained on and the others ignored',
    );
  const make = async (step: number): Promise<TrainingBatch> => {
    const shown = samplesOfStep(dataset.splits.train, { step, batchSize, seed }).map(({ sample, turn }) => ({
      sample,
      view: viewOf(turn, views),
    }));
    const tasks = shown.map(({ sample, view }) => {
      const task: TrainingTask = { sample, view, recipe, anchors };
      return runTask<TrainingSample>(pool, 'train', task);
    });
    return {
      step,
      ...stack(await Promise.all(tasks)),
      sampleIds: shown.map(({ sample }) => sample.id),
      views: shown.map(({ view }) => view),
    };
  };
  yield* prefetch(make, { from: startStep, to: totalSteps, close: () => pool.destroy() });
}

/** The number of images with more boxes than training may use of a view. */
const countCrowded = (samples: readonly CleanedSample[], limit: number): number =>
  samples.filter(({ boxes }) => boxes.filter(({ crowd }) => !crowd).length > limit).length;

/** The images of a split in order, without augmentation. */
export async function* evaluationBatches({
  dataset,
  split,
  batchSize,
  recipe,
}: {
  dataset: CleanedDataset;
  split: Split;
  batchSize: number;
  recipe: SampleRecipe;
}): AsyncGenerator<EvaluationBatch> {
  const pool = openPool(batchSize);
  const samples = dataset.splits[split];
  const size = recipe.imageSize[0] * recipe.imageSize[1] * 3;
  const make = async (batch: number): Promise<EvaluationBatch> => {
    const chosen = samples.slice(batch * batchSize, (batch + 1) * batchSize);
    const results = await Promise.all(
      chosen.map(sample => {
        const task: EvaluationTask = { sample, recipe };
        return runTask<EvaluationSample>(pool, 'evaluate', task);
      }),
    );
    const images = new Float32Array(batchSize * size);
    results.forEach(({ image }, i) => images.set(image, i * size));
    return { images, samples: chosen, scales: results.map(({ scale }) => scale) };
  };
  yield* prefetch(make, { from: 0, to: Math.ceil(samples.length / batchSize), close: () => pool.destroy() });
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly close: () => Promise<void>;
}

/** Makes the items from `from` up to, but not including, `to`: in order, and a few ahead of the one that is awaited. */
async function* prefetch<T>(
  make: (index: number) => Promise<T>,
  { from, to, close }: Range,
): AsyncGenerator<T> {
  const pending: Promise<T>[] = [];
  let next = from;
  const begin = (): void => {
    const item = make(next++);
    // It may fail while an earlier one is still in use; the error is thrown when its turn comes.
    item.catch(() => undefined);
    pending.push(item);
  };
  try {
    while (pending.length > 0 || next < to) {
      while (pending.length < PREFETCHED && next < to) begin();
      yield await pending.shift()!;
    }
  } finally {
    // After a roll-back or a stop, items may still be in progress; ending a thread during its work would crash the process.
    await Promise.allSettled(pending);
    await close();
  }
}

function stack(samples: readonly TrainingSample[]): Omit<TrainingBatch, 'step' | 'sampleIds' | 'views'> {
  const first = samples[0]!;
  const batch = {
    images: new Float32Array(samples.length * first.image.length),
    classTargets: new Int32Array(samples.length * first.classTargets.length),
    boxTargets: new Float32Array(samples.length * first.boxTargets.length),
    numPositives: Float32Array.from(samples, ({ numPositives }) => numPositives),
  };
  samples.forEach(({ image, classTargets, boxTargets }, i) => {
    batch.images.set(image, i * image.length);
    batch.classTargets.set(classTargets, i * classTargets.length);
    batch.boxTargets.set(boxTargets, i * boxTargets.length);
  });
  return batch;
}
