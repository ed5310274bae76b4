import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { messageOf } from '../../errors.js';
import type { LabelledBox, RawDataset, RawSample } from '../dataset.js';
import { mapConcurrently } from '../../concurrency.js';
import { type DatasetReader, PICTURE } from './reader.js';

/** Split files of Pascal VOC, by what we call the split. */
const SPLIT_FILES = { train: ['train.txt'], eval: ['val.txt', 'eval.txt', 'test.txt'] } as const;

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: name => name === 'object',
});

interface VocObject {
  readonly name?: string;
  readonly difficult?: string;
  readonly bndbox?: {
    readonly xmin?: string;
    readonly ymin?: string;
    readonly xmax?: string;
    readonly ymax?: string;
  };
}
interface VocFile {
  readonly annotation?: {
    readonly filename?: string;
    readonly size?: { readonly width?: string; readonly height?: string };
    readonly object?: readonly VocObject[];
  };
}

/** Pascal VOC: one XML file a picture, beside it or in a folder of its own; ImageSets/Main may name splits. */
export const voc: DatasetReader = {
  format: 'voc',
  needs: 'pictures and one .xml file of the same name for each, side by side or in folders',
  detect: async path => (await filesBelow(path)).some(file => file.endsWith('.xml')),
  async read(path, { split }): Promise<RawDataset> {
    const files = await filesBelow(path);
    const annotations = new Map(files.filter(file => file.endsWith('.xml')).map(file => [stem(file), file]));
    const listed = split && (await splitStems(path, split));
    const pictures = files.filter(file => PICTURE.test(file) && (!listed || listed.has(stem(file)))).sort();
    const samples = await mapConcurrently(pictures, image =>
      readSample(path, image, annotations.get(stem(image)) ?? null),
    );
    return { format: 'voc', samples, classes: null };
  },
};

const stem = (file: string): string => basename(file, extname(file));

async function filesBelow(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => null);
  if (!info?.isDirectory()) return [];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
}

/** Names of ImageSets/Main/train.txt and the like; undefined where the data set has none. */
async function splitStems(path: string, split: keyof typeof SPLIT_FILES): Promise<Set<string> | undefined> {
  for (const name of SPLIT_FILES[split]) {
    const text = await readFile(join(path, 'ImageSets', 'Main', name), 'utf8').catch(() => null);
    if (text !== null)
      return new Set(
        text
          .split(/\s*\n/)
          .map(line => line.trim().split(/\s+/)[0]!)
          .filter(Boolean),
      );
  }
  return undefined;
}

async function readSample(root: string, image: string, annotation: string | null): Promise<RawSample> {
  const id = relative(root, join(dirname(image), stem(image)));
  const bare = { id, image: resolve(image), annotation, boxes: [], declared: null, problem: null };
  if (!annotation) return bare;
  try {
    return { ...bare, ...parseAnnotation(await readFile(annotation, 'utf8')) };
  } catch (error) {
    return { ...bare, problem: messageOf(error) };
  }
}

/** Pixels are 0-based corners as annotation tools write them; nothing is shifted. */
export function parseAnnotation(xml: string): Pick<RawSample, 'boxes' | 'declared'> {
  const { annotation } = parser.parse(xml, true) as VocFile;
  if (!annotation) throw new Error('no <annotation> element');
  const { width, height } = annotation.size ?? {};
  const declared =
    Number(width) > 0 && Number(height) > 0 ? { width: Number(width), height: Number(height) } : null;
  return { boxes: (annotation.object ?? []).map(boxOf), declared };
}

/** A corner that is missing becomes NaN: cleaning names it. */
function boxOf({ name = '', difficult, bndbox = {} }: VocObject): LabelledBox {
  const corner = (text: string | undefined): number =>
    text === undefined || text.trim() === '' ? NaN : Number(text);
  const box = [corner(bndbox.ymin), corner(bndbox.xmin), corner(bndbox.ymax), corner(bndbox.xmax)] as const;
  return { box, label: name.trim(), crowd: false, difficult: difficult === '1' };
}
