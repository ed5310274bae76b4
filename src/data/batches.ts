import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { FamilyRow } from '../config/families.js';
import { compiledModule } from '../package-root.js';
import type { Training } from '../config/run.js';
import { anchorOptions } from '../detection/anchors.js';
import { AppError } from '../errors/index.js';
import { randomFrom } from '../random.js';
import type { CleanedDataset, CleanedSample, Split } from '../formats/dataset.js';
import type { Answer, EvaluationTask, TrainingTask } from './sample-worker.js';
import type { SampleRecipe, TrainingRecipe, TrainingSample } from './samples.js';

export interface TrainingBatch {
  readonly step: number;
  /** Of every sample in it, see `viewOf`. */
  readonly view: number;
  /** [batch, height, width, 3], normalised. */
  readonly images: Float32Array;
  /** [batch, anchors], -1 for background. */
  readonly classTargets: Int32Array;
  /** [batch, anchors, 4] */
  readonly boxTargets: Float32Array;
  /** [batch] */
  readonly numPositives: Float32Array;
  readonly sampleIds: readonly string[];
}

export interface EvaluationBatch {
  /** [batch, height, width, 3]; the last batch is filled up with zeros. */
  readonly images: Float32Array;
  readonly samples: readonly CleanedSample[];
  /** Network pixels × scale = pixels of the image. */
  readonly scales: readonly number[];
}

/** Batches that are being made while one is used. */
const AHEAD = 3;

/** A thread that waits this long ends; steps of large models take seconds. */
const IDLE_MS = 60_000;

const threads = (): number => Math.max(2, Math.min(8, availableParallelism() - 1));

/**
 * Threads that decode, augment and match. Each is given its share of the batches ahead at once: while a step runs, nobody is
 * there to hand out more.
 */
function openPool(batchSize: number): Piscina {
  const count = threads();
  return new Piscina({
    filename: compiledModule('./sample-worker.js', import.meta.url).href,
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: Math.ceil((AHEAD * batchSize) / count),
    idleTimeout: IDLE_MS,
  });
}

/** @typeParam T what the worker's function of that name gives */
async function ask<T>(pool: Piscina, name: string, task: TrainingTask | EvaluationTask): Promise<T> {
  const answer = (await pool.run(task, { name })) as Answer<T>; // sample-worker.ts answers so
  if ('failure' in answer) throw AppError.from(answer.failure);
  return answer.value;
}

/** Steps of one pass over the training split; a split smaller than a batch fills it by repetition. */
export const stepsPerEpoch = (samples: number, batchSize: number): number =>
  Math.max(1, Math.floor(samples / batchSize));

/** The samples of a step: a pure function of seed and step, so a resumed run goes on with the very same batches. */
export function samplesOfStep(
  samples: readonly CleanedSample[],
  { step, batchSize, seed }: { step: number; batchSize: number; seed: number },
): { epoch: number; samples: CleanedSample[] } {
  const perEpoch = stepsPerEpoch(samples.length, batchSize);
  const epoch = Math.floor(step / perEpoch);
  const order = shuffled(samples, seed, epoch);
  const start = (step % perEpoch) * batchSize;
  return { epoch, samples: Array.from({ length: batchSize }, (_, i) => order[(start + i) % order.length]!) };
}

/**
 * Which of its views a sample shows in an epoch: another one every time, or one of a fixed number in turn, the same pixels
 * whenever its turn comes.
 * @param views how many; 0: as many as epochs
 */
export const viewOf = (epoch: number, views: number): number => (views === 0 ? epoch : epoch % views);

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
  /** Of every image, see `viewOf`. */
  readonly views: number;
  readonly startStep: number;
  readonly totalSteps: number;
  /** One line for people, where the data is not used as it is. */
  readonly onNote?: (note: string) => void;
}

/** Batches from `startStep` on, made ahead in worker threads. */
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
  const crowded = countCrowded(dataset.splits.train, hparams.max_instances_per_image);
  if (crowded > 0)
    onNote?.(
      `${crowded} images have more than ${hparams.max_instances_per_image} boxes: the first ones are used`,
    );
  const make = async (step: number): Promise<TrainingBatch> => {
    const { epoch, samples } = samplesOfStep(dataset.splits.train, { step, batchSize, seed });
    const view = viewOf(epoch, views);
    const tasks = samples.map(sample => {
      const task: TrainingTask = { sample, view, recipe, anchors };
      return ask<TrainingSample>(pool, 'train', task);
    });
    return { step, view, ...stack(await Promise.all(tasks)), sampleIds: samples.map(({ id }) => id) };
  };
  yield* ahead(make, { from: startStep, to: totalSteps, close: () => pool.destroy() });
}

/** Images with more boxes than training takes. */
const countCrowded = (samples: readonly CleanedSample[], limit: number): number =>
  samples.filter(({ boxes }) => boxes.filter(({ crowd }) => !crowd).length > limit).length;

/** The images of a split in order, as the network sees them when nothing is changed. */
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
        return ask<{ image: Float32Array; scale: number }>(pool, 'evaluate', task);
      }),
    );
    const images = new Float32Array(batchSize * size);
    results.forEach(({ image }, i) => images.set(image, i * size));
    return { images, samples: chosen, scales: results.map(({ scale }) => scale) };
  };
  yield* ahead(make, { from: 0, to: Math.ceil(samples.length / batchSize), close: () => pool.destroy() });
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly close: () => Promise<void>;
}

/** Makes items `from` … `to` in order, a few ahead of the one that is asked for. */
async function* ahead<T>(make: (index: number) => Promise<T>, { from, to, close }: Range): AsyncGenerator<T> {
  const pending: Promise<T>[] = [];
  let next = from;
  const begin = (): void => {
    const item = make(next++);
    // It may fail while an earlier one is still in use; who takes it sees the error.
    item.catch(() => undefined);
    pending.push(item);
  };
  try {
    while (pending.length > 0 || next < to) {
      while (pending.length < AHEAD && next < to) begin();
      yield await pending.shift()!;
    }
  } finally {
    // Left early, by a roll-back or a stop: a thread that ends in the middle of its work would end the process.
    await Promise.allSettled(pending);
    await close();
  }
}

function stack(samples: readonly TrainingSample[]): Omit<TrainingBatch, 'step' | 'view' | 'sampleIds'> {
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
