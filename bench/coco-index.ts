/**
 * Reading the index of a data set of COCO's size (train2017: 118,287 pictures, 860,001 boxes with outlines, 400 MB of
 * JSON): seconds from the folder to the samples, and peak memory. Run: npx tsx bench/coco-index.ts [images boxes]
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { mapConcurrently } from '../src/concurrency.js';
import { readDataset } from '../src/data/readers/index.js';
import { runCommand } from '../src/native/command.js';
import { type Random, randomFrom } from '../src/random.js';

const CATEGORIES = 80;
const nameOf = (image: number): string => `${String(image).padStart(12, '0')}.jpg`;

function* cocoText(images: number, boxes: number): Generator<string> {
  const random = randomFrom('bench', images, boxes);
  yield '{"info":{"description":"made for a measurement"},"images":[';
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

async function measure([images = 118_287, boxes = 860_001]: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coco-index-'));
  const pictures = join(folder, 'train2017');
  try {
    await mkdir(join(folder, 'annotations'));
    await mkdir(pictures);
    await mapConcurrently(Array.from({ length: images }), (_, i) => writeFile(join(pictures, nameOf(i)), ''));
    const file = join(folder, 'annotations', 'instances_train2017.json');
    await pipeline(Readable.from(cocoText(images, boxes)), createWriteStream(file));
    process.stdout.write(
      await runCommand(process.execPath, [
        ...process.execArgv,
        fileURLToPath(import.meta.url),
        '--read',
        folder,
      ]),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function read(folder: string): Promise<void> {
  const start = performance.now();
  const { samples } = await readDataset(folder, 'auto');
  const seconds = (performance.now() - start) / 1000;
  const boxes = samples.reduce((sum, sample) => sum + sample.boxes.length, 0);
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${samples.length} pictures, ${boxes} boxes: ${seconds.toFixed(1)} s, ${peakMiB.toFixed(0)} MiB at most`,
  );
}

const args = process.argv.slice(2);
if (args[0] === '--read') await read(args[1]!);
else await measure(args.map(Number));
