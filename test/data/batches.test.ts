import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
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
import type { CleanedDataset, CleanedSample } from '../../src/formats/dataset.js';
import { sha256 } from '../../src/files/hashing.js';
import { randomFrom } from '../../src/random.js';
import { expectParity } from '../parity.js';
import { runPython } from '../python.js';
import { drawImage, temporaryFolder } from './scene.js';

const SIZE = { width: 48, height: 40 };

async function setUp(
  count: number,
  training: Record<string, unknown> = {},
): Promise<Omit<TrainingBatchOptions, 'startStep' | 'totalSteps'>> {
  const folder = await temporaryFolder();
  const samples: CleanedSample[] = [];
  for (let i = 0; i < count; i++) {
    await drawImage({ ...SIZE, rectangle: [i, 2 * i, i + 20, 2 * i + 15] })
      .png()
      .toFile(join(folder, `${i}.png`));
    const boxes = [1, 2, 3].map(() => ({
      box: [i, 2 * i, i + 20, 2 * i + 15] as [number, number, number, number],
      classIndex: i % 3,
      crowd: false,
      difficult: false,
      area: 300,
    }));
    samples.push({ imageId: i + 1, id: `s${i}`, image: `${i}.png`, original: `/${i}.png`, ...SIZE, boxes });
  }
  const dataset: CleanedDataset = {
    classes: ['a', 'b', 'c'],
    splits: { train: samples, eval: samples, test: [] },
  };
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
    views: 0,
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
    samplesOfStep(samples, { step, batchSize, seed }).map(({ sample }) => sample.id);

  it('shows each image at most once an epoch, in a new order each time', () => {
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
  it('may be left while threads still work, as a roll-back does, and ends', async () => {
    const options = await setUp(8, { image_size: 512, train_batch_size: 8 });
    const firsts: [step: number, hash: string][] = [];
    for (let round = 0; round < 3; round++) {
      const batches = trainingBatches({ ...options, startStep: 0, totalSteps: 20 });
      const first = await batches.next();
      if (first.done) throw new Error('there is no batch');
      firsts.push([first.value.step, sha256(Buffer.from(first.value.images.buffer))]);
      // Threads that are ended in the middle of their work throw where nobody catches.
      expect(await batches.return(undefined)).toEqual({ done: true, value: undefined });
      expect(await batches.next()).toEqual({ done: true, value: undefined });
    }
    expect(firsts).toEqual(Array.from({ length: 3 }, () => [0, firsts[0]?.[1]]));
  });

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

  it('shows the views of every image in turn, the same ones again, in a new order', async () => {
    const options = { ...(await setUp(6)), startStep: 0, totalSteps: 12 };
    const [fixed, free] = await Promise.all(
      [2, 0].map(views => collect(trainingBatches({ ...options, views }))),
    );
    const imagesOf = (batches: readonly TrainingBatch[], epoch: number): Map<string, Buffer> => {
      const size = 64 * 64 * 3;
      const shown = batches
        .slice(2 * epoch, 2 * epoch + 2)
        .flatMap(({ images, sampleIds }) =>
          sampleIds.map((id, i) => [id, Buffer.from(images.slice(i * size, (i + 1) * size).buffer)] as const),
        );
      return new Map(shown.sort(([a], [b]) => (a < b ? -1 : 1)));
    };
    const epochs = range(6).map(epoch => imagesOf(fixed!, epoch));
    for (const epoch of [0, 1]) {
      expect(epochs[epoch]).toEqual(imagesOf(free!, epoch));
      for (const again of [epoch + 2, epoch + 4]) expect(epochs[again]).toEqual(epochs[epoch]);
    }
    expect(epochs[1]).not.toEqual(epochs[0]);
    expect(imagesOf(free!, 2)).not.toEqual(epochs[0]);
    const viewOfEach = fixed!.map(
      ({ views: [first, ...rest] }) => rest.every(view => view === first) && first,
    );
    expect(viewOfEach).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
    const orders = [0, 4].map(step => fixed!.slice(step, step + 2).flatMap(({ sampleIds }) => sampleIds));
    expect(orders[0]).not.toEqual(orders[1]);
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

  it('repeats an image of a small data set in another view each time, the same after an interruption', async () => {
    const options = await setUp(2, { train_batch_size: 5 });
    const batches = await collect(trainingBatches({ ...options, startStep: 0, totalSteps: 3 }));
    const size = 64 * 64 * 3;
    const shown = batches.flatMap(({ images, sampleIds }) =>
      sampleIds.map((id, i) =>
        [id, sha256(Buffer.from(images.slice(i * size, (i + 1) * size).buffer))].join(' '),
      ),
    );
    expect(new Set(shown).size).toBe(3 * 5);
    const resumed = await collect(trainingBatches({ ...options, startStep: 2, totalSteps: 3 }));
    expect(resumed).toEqual(batches.slice(2));
  });

  it('repeats no other views than the fixed ones', async () => {
    const options = await setUp(2, { train_batch_size: 5 });
    const batches = await collect(trainingBatches({ ...options, views: 2, startStep: 0, totalSteps: 2 }));
    expect(batches.map(({ views }) => views)).toEqual([
      [0, 0, 1, 1, 0],
      [1, 1, 0, 0, 1],
    ]);
  });

  it('says once that images have more boxes than are used', async () => {
    const notes: string[] = [];
    const options = await setUp(2, { hparams: { max_instances_per_image: 2 } });
    await collect(
      trainingBatches({ ...options, startStep: 0, totalSteps: 2, onNote: note => notes.push(note) }),
    );
    expect(notes).toEqual([
      '2 images have more than 2 boxes (max_instances_per_image): where a view shows more, the first ones are trained on and ' +
        'the others ignored',
    ]);
  });

  it('names an image that cannot be read, even one that is made ahead', async () => {
    const options = await setUp(3);
    await rm(join(options.folder, '1.png'));
    await writeFile(join(options.folder, '1.png'), 'no image');
    await expect(collect(trainingBatches({ ...options, startStep: 0, totalSteps: 9 }))).rejects.toMatchObject(
      { message: expect.stringContaining(`${join(options.folder, '1.png')}: `) as string },
    );
  });
});

describe('evaluationBatches', () => {
  it('shows every image of the split once, in order, the last batch filled up with zeros', async () => {
    const { folder, dataset, family } = await setUp(5);
    const recipe = { folder, imageSize: [64, 96] as const, normalisation: family.normalisation };
    const batches = await collect(evaluationBatches({ dataset, split: 'eval', batchSize: 2, recipe }));
    expect(batches.map(({ samples }) => samples.map(({ id }) => id))).toEqual([['s0', 's1'], ['s2', 's3'], ['s4']]); // prettier-ignore
    const { images, scales } = batches[2]!;
    // 48 × 40 fits 96 × 64 as 76 × 64.
    expect(scales).toEqual([[1 / (64 / 40), 1 / (76 / 48)]]);
    const size = 64 * 96 * 3;
    expect(images).toHaveLength(2 * size);
    expect(images.subarray(0, size).some(value => value !== 0)).toBe(true);
    expect(images.subarray(size).every(value => value === 0)).toBe(true);
  });
});

/** A scene with soft and hard edges, drawn as SVG: JPEG changes it, and so do wrong resizing and wrong channels. */
function scene(seed: number, width: number, height: number): Sharp {
  const random = randomFrom('scene', seed);
  const colour = (): string => `rgb(${[0, 0, 0].map(() => random.integer(256)).join(',')})`;
  const shapes = Array.from({ length: 24 }, () => {
    const [x, y, size] = [random.integer(width), random.integer(height), 4 + random.integer(40)];
    return `<ellipse cx="${x}" cy="${y}" rx="${size}" ry="${4 + random.integer(30)}" fill="${colour()}" opacity="0.8"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><linearGradient id="g">
    <stop stop-color="${colour()}"/><stop offset="1" stop-color="${colour()}"/></linearGradient></defs>
    <rect width="${width}" height="${height}" fill="url(#g)"/>${shapes.join('')}</svg>`;
  return sharp(Buffer.from(svg)).flatten();
}

/** An image of which every pixel differs from its neighbours: only a filter that takes all of them gives their mean. */
function texture(width: number, height: number): Sharp {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % width;
    return Math.min(255, (Math.imul(i, 2_654_435_761) >>> 25) + (128 * x) / width);
  });
  return sharp(Buffer.from(pixels.buffer), { raw: { width, height, channels: 3 } });
}

describe('a batch', () => {
  it('holds what Python sees: JPEG, WebP, grey, turned by EXIF, larger and smaller than the input', async test => {
    const folder = await temporaryFolder();
    const IMAGES: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
      'plain.png': path => scene(1, 200, 150).png().toFile(path),
      'small.png': path => scene(2, 50, 70).png().toFile(path),
      'photo.jpg': path => scene(3, 240, 180).jpeg({ quality: 90 }).toFile(path),
      'full.jpg': path => scene(4, 160, 160).jpeg({ chromaSubsampling: '4:4:4' }).toFile(path),
      'turned.jpg': path => scene(5, 210, 130).withMetadata({ orientation: 6 }).jpeg().toFile(path),
      'mirrored.jpg': path => scene(6, 130, 190).withMetadata({ orientation: 5 }).jpeg().toFile(path),
      'grey.png': path => scene(7, 180, 120).toColourspace('b-w').png().toFile(path),
      'soft.webp': path => scene(8, 140, 140).webp({ lossless: true }).toFile(path),
      'large.png': path => texture(517, 400).png().toFile(path),
      'large.jpg': path => texture(1203, 901).jpeg({ quality: 95 }).toFile(path),
      'huge.jpg': path => texture(2400, 1800).jpeg({ quality: 95 }).toFile(path),
      'large-turned.jpg': path => texture(1000, 1300).withMetadata({ orientation: 6 }).jpeg().toFile(path),
    };
    const size = [128, 160] as const;
    const samples: CleanedSample[] = [];
    for (const [image, write] of Object.entries(IMAGES)) {
      await write(join(folder, image));
      const { autoOrient } = await sharp(join(folder, image)).metadata();
      samples.push({
        imageId: samples.length + 1,
        id: image,
        image,
        original: image,
        width: autoOrient.width,
        height: autoOrient.height,
        boxes: [],
      });
    }
    const { mean, std } = familyOf('efficientdet-d0').normalisation;
    const [batch] = await collect(
      evaluationBatches({
        dataset: { classes: ['a'], splits: { train: [], eval: samples, test: [] } },
        split: 'eval',
        batchSize: samples.length,
        recipe: { folder, imageSize: size, normalisation: { mean, std } },
      }),
    );
    const out = join(folder, 'pil.bin');
    const script = fileURLToPath(new URL('pil_batch.py', import.meta.url));
    const paths = samples.map(({ image }) => join(folder, image));
    await runPython(script, { test, args: [...size.map(String), out, ...paths] });
    const bytes = await readFile(out);
    const pil = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const perImage = size[0] * size[1] * 3;
    const errors = samples.map(({ width, height }, i) => {
      const fit = Math.min(size[0] / height, size[1] / width);
      const [rows, columns] = [Math.floor(height * fit + 1e-9), Math.floor(width * fit + 1e-9)];
      let [sum, count] = [0, 0];
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          for (let c = 0; c < 3; c++) {
            const at = i * perImage + (y * size[1] + x) * 3 + c;
            sum += Math.abs(batch!.images[at]! * std[c]! + mean[c]! - pil[at]!);
            count++;
          }
      return sum / count;
    });
    expectParity({
      item: 'A decoded batch, mean difference of the worst image',
      reference: 'PIL',
      cases: samples.length,
      error: Math.max(...errors),
      measure: 'grey levels',
      limit: 2,
    });
  });
});
