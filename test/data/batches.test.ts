import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { Training } from '../../src/config/run.js';
import {
  evaluationBatches,
  samplesOfStep,
  stepsPerEpoch,
  type TrainingBatch,
  type TrainingBatchOptions,
  trainingBatches,
} from '../../src/data/batches.js';
import type { CleanedDataset, CleanedSample } from '../../src/data/dataset.js';
import { drawPicture, temporaryFolder } from './scene.js';

const SIZE = { width: 48, height: 40 };

async function setUp(
  count: number,
  training: Record<string, unknown> = {},
): Promise<Omit<TrainingBatchOptions, 'startStep' | 'totalSteps'>> {
  const folder = await temporaryFolder();
  const samples: CleanedSample[] = [];
  for (let i = 0; i < count; i++) {
    await drawPicture({ ...SIZE, rectangle: [i, 2 * i, i + 20, 2 * i + 15] })
      .png()
      .toFile(join(folder, `${i}.png`));
    const boxes = [1, 2, 3].map(() => ({
      box: [i, 2 * i, i + 20, 2 * i + 15] as [number, number, number, number],
      classIndex: i % 3,
      crowd: false,
      area: 300,
    }));
    samples.push({ imageId: i + 1, id: `s${i}`, image: `${i}.png`, original: `/${i}.png`, ...SIZE, boxes });
  }
  const dataset: CleanedDataset = { classes: ['a', 'b', 'c'], splits: { train: samples, eval: samples } };
  return {
    folder,
    dataset,
    training: Training.parse({
      model_name: 'efficientdet-d0',
      image_size: 64,
      train_batch_size: 3,
      ...training,
    }),
    family: familyOf('efficientdet-d0'),
    seed: 11,
  };
}

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

describe('samplesOfStep', () => {
  const samplesNamed = (count: number): CleanedSample[] =>
    range(count).map(i => ({ imageId: i, id: `${i}`, image: '', original: '', ...SIZE, boxes: [] }));
  const idsOf = (samples: readonly CleanedSample[], step: number, batchSize: number, seed = 1): string[] =>
    samplesOfStep(samples, { step, batchSize, seed }).samples.map(({ id }) => id);

  it('shows each picture at most once an epoch, in a new order each time', () => {
    const samples = samplesNamed(10);
    expect(stepsPerEpoch(10, 3)).toBe(3);
    const epochs = [0, 1].map(epoch => range(3).flatMap(i => idsOf(samples, epoch * 3 + i, 3)));
    for (const ids of epochs) expect(new Set(ids).size).toBe(9);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(idsOf(samples, 0, 3, 2)).not.toEqual(idsOf(samples, 0, 3, 1));
  });

  it('leaves none out for ever: what one epoch drops, another shows', () => {
    const samples = samplesNamed(10);
    expect(new Set(range(30).flatMap(step => idsOf(samples, step, 3))).size).toBe(10);
  });

  it('fills a batch by repetition where there are too few', () => {
    const samples = samplesNamed(2);
    expect(stepsPerEpoch(2, 5)).toBe(1);
    expect(idsOf(samples, 0, 5).sort()).toEqual(expect.arrayContaining(['0', '1']));
    expect(idsOf(samples, 7, 5)).toHaveLength(5);
  });
});

describe('trainingBatches', () => {
  it('goes on after an interruption with the very same batches, bit for bit', async () => {
    const options = await setUp(7);
    const whole = await collect(trainingBatches({ ...options, startStep: 0, totalSteps: 6 }));
    const before: TrainingBatch[] = [];
    for await (const batch of trainingBatches({ ...options, startStep: 0, totalSteps: 6 })) {
      before.push(batch);
      if (batch.step === 3) break;
    }
    const after = await collect(trainingBatches({ ...options, startStep: 4, totalSteps: 6 }));
    expect([...before, ...after]).toEqual(whole);
    expect(whole.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('gives images, targets, counts and names of the shapes that it says', async () => {
    const options = await setUp(4, { hparams: { jitter_min: 1, jitter_max: 1 } });
    const [batch] = await collect(trainingBatches({ ...options, startStep: 0, totalSteps: 1 }));
    const anchors = 9 * (8 * 8 + 4 * 4 + 2 * 2 + 1 + 1);
    const { images, classTargets, boxTargets, numPositives, sampleIds } = batch!;
    expect([images.length, classTargets.length, boxTargets.length]).toEqual([
      3 * 64 * 64 * 3,
      3 * anchors,
      3 * anchors * 4,
    ]);
    range(3).forEach(i => {
      const classes = classTargets.subarray(i * anchors, (i + 1) * anchors).filter(index => index >= 0);
      expect(classes.length).toBe(numPositives[i]);
      expect(classes.length).toBeGreaterThan(0);
      expect(new Set(classes)).toEqual(new Set([Number(sampleIds[i]!.slice(1)) % 3]));
    });
  });

  it('trains on a data set that is smaller than a batch', async () => {
    const options = await setUp(1);
    const batches = await collect(trainingBatches({ ...options, startStep: 0, totalSteps: 2 }));
    expect(batches.map(({ sampleIds }) => sampleIds)).toEqual([
      ['s0', 's0', 's0'],
      ['s0', 's0', 's0'],
    ]);
  });

  it('says once that pictures have more boxes than are used', async () => {
    const notes: string[] = [];
    const options = await setUp(2, { hparams: { max_instances_per_image: 2 } });
    await collect(
      trainingBatches({ ...options, startStep: 0, totalSteps: 2, onNote: note => notes.push(note) }),
    );
    expect(notes).toEqual(['2 pictures have more than 2 boxes: the first ones are used']);
  });

  it('names a picture that cannot be read, even one that is made ahead', async () => {
    const options = await setUp(3);
    await rm(join(options.folder, '1.png'));
    await writeFile(join(options.folder, '1.png'), 'no picture');
    await expect(collect(trainingBatches({ ...options, startStep: 0, totalSteps: 9 }))).rejects.toMatchObject(
      { message: expect.stringContaining(`${join(options.folder, '1.png')}: `) as string },
    );
  });
});

describe('evaluationBatches', () => {
  it('shows every picture of the split once, in order, the last batch filled up with zeros', async () => {
    const { folder, dataset, family } = await setUp(5);
    const recipe = { folder, imageSize: [64, 96] as const, normalisation: family.normalisation };
    const batches = await collect(evaluationBatches({ dataset, split: 'eval', batchSize: 2, recipe }));
    expect(batches.map(({ samples }) => samples.map(({ id }) => id))).toEqual([['s0', 's1'], ['s2', 's3'], ['s4']]); // prettier-ignore
    const { images, scales } = batches[2]!;
    expect(scales).toEqual([40 / 64]);
    const size = 64 * 96 * 3;
    expect(images).toHaveLength(2 * size);
    expect(images.subarray(0, size).some(value => value !== 0)).toBe(true);
    expect(images.subarray(size).every(value => value === 0)).toBe(true);
  });
});
