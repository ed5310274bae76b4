/**
 * Reading the index of a data set as large as COCO's train2017 (118,287 images, 860,001 boxes with outlines, 400 MB of JSON):
 * the time from the folder to the samples, and peak memory.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { mapConcurrently } from '../src/concurrency.js';
import { type Random, randomFrom } from '../src/random.js';
import { measureOnce } from './candidate.js';
import type { Report } from './report.js';
import { figureRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';

const CATEGORIES = 80;
const nameOf = (image: number): string => `${String(image).padStart(12, '0')}.jpg`;

function* cocoText(images: number, boxes: number): Generator<string> {
  const random = randomFrom('bench', images, boxes);
  yield '{"info":{"description":"written for a benchmark"},"images":[';
  yield* separated(images, image => ({
    license: 3,
    file_name: nameOf(image),
    coco_url: `http://images.cocodataset.org/train2017/${nameOf(image)}`,
    height: 480,
    width: 640,
    date_captured: '2013-11-14 16:28:13',
    id: image,
  }));
  yield '],"annotations":[';
  yield* separated(boxes, id => ({ ...annotation(random, images), id }));
  yield '],"categories":[';
  yield* separated(CATEGORIES, i => ({ supercategory: 'thing', id: i + 1, name: `class ${i}` }));
  yield ']}';
}

function* separated(count: number, element: (i: number) => object): Generator<string> {
  for (let i = 0; i < count; i++) yield `${i > 0 ? ',' : ''}${JSON.stringify(element(i))}`;
}

function annotation(random: Random, images: number): object {
  const number = (limit: number): number => Math.round(random.uniform(0, limit) * 100) / 100;
  const outline = Array.from({ length: 10 + random.integer(70) }, () => number(640));
  return {
    segmentation: [outline],
    area: number(90_000),
    iscrowd: 0,
    image_id: random.integer(images),
    bbox: [number(400), number(300), number(240), number(180)],
    category_id: 1 + random.integer(CATEGORIES),
  };
}

export interface IndexOptions {
  readonly images: number;
  readonly boxes: number;
}

export const benchCocoIndex = (report: Report, { images, boxes }: IndexOptions): Promise<Row[]> =>
  inTemporaryFolder(async folder => {
    report.progress('writes the data set');
    const imageFolder = join(folder, 'train2017');
    await mkdir(join(folder, 'annotations'));
    await mkdir(imageFolder);
    await mapConcurrently(Array.from({ length: images }), (_, i) =>
      writeFile(join(imageFolder, nameOf(i)), ''),
    );
    const file = join(folder, 'annotations', 'instances_train2017.json');
    await pipeline(Readable.from(cocoText(images, boxes)), createWriteStream(file));
    const program = { module: './programs/read-index.js' };
    const { ms, peakMiB } = await measureOnce({ name: 'detdistill', program, open: { folder } }, report);
    const model = `index of ${images} images, ${boxes} boxes`;
    return [
      figureRow(report, { model, precision: '' }, [ms]),
      figureRow(report, { model: `${model}, peak`, precision: '', unit: 'MiB' }, [peakMiB]),
    ];
  });
