/** Photographs of 640 × 480 with boxes: crops of real ones, so that the files are as large as real ones. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import sharp from 'sharp';
import { mapConcurrently } from '../src/concurrency.js';
import { writeVoc } from '../src/formats/voc-xml.js';
import { errors } from '../src/errors/index.js';
import { provideNativeParts } from '../src/native/setup.js';
import { type Random, randomFrom } from '../src/random.js';
import { readSettings } from '../src/settings.js';

export const PHOTOGRAPH = { width: 640, height: 480 } as const;
const CLASSES = 5;
const TYPES = ['.jpg', '.jpeg', '.png'];
/** The least share of a photograph's sides that a crop has before it is scaled. */
const LEAST_SHARE = 0.4;

export interface PhotographOptions {
  /** Where a data set in Pascal VOC format is written. */
  readonly folder: string;
  readonly images: number;
  /** A folder with photographs; by default those of the demo. */
  readonly from?: string;
}

/** Writes the same images and boxes whenever it is called with the same photographs. */
export async function writePhotographs({ folder, images, from }: PhotographOptions): Promise<void> {
  const source = from ?? (await demoImages());
  const names = await readdir(source).catch((error: Error) => {
    throw errors.usageWrong(`${source}: ${error.message}`, 'name a folder with photographs');
  });
  const files = names.filter(name => TYPES.includes(extname(name).toLowerCase())).sort();
  if (files.length === 0)
    throw errors.usageWrong(`${source}: it holds no image`, `allowed: ${TYPES.join(', ')}`);
  await mkdir(folder, { recursive: true });
  await mapConcurrently(
    Array.from({ length: images }, (_, i) => i),
    i => writePhotograph(join(source, files[i % files.length]!), join(folder, String(i).padStart(6, '0')), i),
  );
}

async function demoImages(): Promise<string> {
  const parts = await provideNativeParts({ settings: readSettings(), parts: ['demo-images'] });
  return parts['demo-images'];
}

async function writePhotograph(from: string, target: string, i: number): Promise<void> {
  const random = randomFrom('bench photographs', i);
  const image = sharp(from, { failOn: 'none' });
  const { width, height } = await image.metadata();
  const share = random.uniform(LEAST_SHARE, 1);
  const crop = { width: Math.ceil(width * share), height: Math.ceil(height * share) };
  const left = random.integer(width - crop.width + 1);
  const top = random.integer(height - crop.height + 1);
  await image
    .extract({ left, top, ...crop })
    .resize({ ...PHOTOGRAPH, fit: 'fill' })
    .removeAlpha()
    .toColourspace('srgb')
    .jpeg({ quality: 88 })
    .toFile(`${target}.jpg`);
  const filename = `${String(i).padStart(6, '0')}.jpg`;
  await writeFile(`${target}.xml`, writeVoc({ filename, ...PHOTOGRAPH, boxes: boxesOf(random) }));
}

const boxesOf = (random: Random) =>
  Array.from({ length: 1 + random.integer(8) }, () => {
    const [y, x] = [random.integer(380), random.integer(540)];
    const box = [y, x, y + 20 + random.integer(80), x + 20 + random.integer(80)] as const;
    const label = `class ${random.integer(CLASSES)}`;
    return { box, label, crowd: false, difficult: false };
  });
