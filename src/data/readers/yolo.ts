import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import sharp from 'sharp';
import { mapConcurrently } from '../../concurrency.js';
import { messageOf } from '../../errors/index.js';
import type { Split } from '../../formats/dataset.js';
import type { LabelledBox } from '../../boxes.js';
import type { LabelledOn, RawDataset, RawSample } from '../raw-dataset.js';
import { statOf } from '../../files/walk.js';
import { type DatasetReader, orderSamples } from './reader.js';
import { idOf } from './sample-id.js';
import { findDescription, labelOf, imagesOf, readDescription } from './yolo-layout.js';

/** Reads YOLO: a line of class number, centre and size for each box, relative to the image; data.yaml or classes.txt has the names. */
export const yolo: DatasetReader = {
  format: 'yolo',
  needs:
    'a data.yaml with names and folders of images, or a folder with classes.txt, and a .txt file for each image',
  detect: async path => (await findDescription(path)) !== null,
  async read(path, options = { labelledOn: 'auto' }): Promise<RawDataset> {
    // Ultralytics, CVAT and Roboflow show images upright.
    const labelledOn = options.labelledOn === 'auto' ? 'upright' : options.labelledOn;
    const description = await findDescription(path);
    if (description === null) return { format: 'yolo', samples: [], classLists: [], missing: [] };
    const root = (await statOf(path))?.isDirectory() ? path : resolve(path, '..');
    const { names, sources, missing } = await readDescription(description, root);
    const found = await Promise.all(
      sources.map(async ({ path: source, split }) =>
        (await imagesOf(source)).map(image => ({ image, split })),
      ),
    );
    const samples = await mapConcurrently(found.flat(), ({ image, split }) =>
      readSample(image, { root, split, names, labelledOn }),
    );
    return {
      format: 'yolo',
      samples: orderSamples(
        markBackground(samples).map(sample => ({ sample, fullName: relative(root, sample.image) })),
      ),
      classLists: [names.map((name, number) => name ?? `class ${number}`)],
      missing,
    };
  },
};

/**
 * Ultralytics takes images without a label file as background, but refuses a split that has no label file at all: there, the
 * labels are missing.
 */
function markBackground(samples: readonly RawSample[]): RawSample[] {
  const labelled = new Set(samples.filter(({ annotation }) => annotation !== null).map(({ split }) => split));
  return samples.map(sample => ({
    ...sample,
    isBackground: sample.annotation === null && labelled.has(sample.split),
  }));
}

interface SampleContext {
  readonly root: string;
  readonly split: Split | null;
  readonly names: readonly (string | undefined)[];
  readonly labelledOn: LabelledOn;
}

async function readSample(
  image: string,
  { root, split, names, labelledOn }: SampleContext,
): Promise<RawSample> {
  const label = labelOf(image);
  const text = await readFile(label, 'utf8').catch(() => null);
  const size = await sizeOf(image, labelledOn);
  const bare: RawSample = {
    id: idOf(root, image),
    split,
    image: resolve(image),
    annotation: text === null ? null : label,
    boxes: [],
    isBackground: false,
    labelledOn,
    declared: size,
    problem: null,
  };
  // Without the size of the image, relative boxes have no pixels; cleaning drops such an image.
  if (text === null || size === null) return bare;
  try {
    return { ...bare, boxes: parseLabels(text, { names, size }) };
  } catch (error) {
    return { ...bare, problem: messageOf(error) };
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size that relative boxes are shares of; only the header is read. */
async function sizeOf(image: string, labelledOn: LabelledOn): Promise<Size | null> {
  try {
    const stored = await sharp(image).metadata();
    const { width, height } = labelledOn === 'upright' ? stored.autoOrient : stored;
    return { width, height };
  } catch {
    return null;
  }
}

/** Relative values have few digits, so pixels are rounded to thousandths. */
const pixels = (share: number, size: number): number => Math.round(share * size * 1000) / 1000;

/** @throws Error for a line that is wrong. More than five numbers are an outline, whose bounding box is taken. */
function parseLabels(
  text: string,
  { names, size: { width, height } }: { names: SampleContext['names']; size: Size },
): LabelledBox[] {
  const lines = text.split('\n').map(line => line.trim());
  return lines.flatMap((line, i) => {
    if (line === '') return [];
    const [number, ...values] = line.split(/\s+/).map(Number);
    if (!Number.isInteger(number) || values.length < 4 || values.some(Number.isNaN))
      throw new Error(`line ${i + 1}: "${line}" is not a class number and four relative coordinates`);
    const [left, top, right, bottom] = cornersOf(values);
    return {
      box: [pixels(top, height), pixels(left, width), pixels(bottom, height), pixels(right, width)] as const,
      label: names[number!] ?? `class ${number}`,
      crowd: false,
      difficult: false,
    };
  });
}

function cornersOf(values: readonly number[]): [left: number, top: number, right: number, bottom: number] {
  if (values.length > 5) {
    const [xs, ys] = [values.filter((_, i) => i % 2 === 0), values.filter((_, i) => i % 2 === 1)];
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }
  const [x, y, w, h] = values as [number, number, number, number];
  return [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
}
