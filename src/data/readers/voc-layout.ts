import { readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import type { Split } from '../../formats/dataset.js';
import { IMAGE } from './reader.js';
import { IMAGE_FOLDERS, idOf, withoutExtension } from './sample-id.js';

/** Split files of ImageSets/Main; the first one that exists is used. A test list evaluates where there is no other. */
const SPLIT_FILES = { train: ['train', 'trainval'], eval: ['val', 'eval'], test: ['test'] } as const;

const stemOf = (file: string): string => basename(withoutExtension(file));

/** The images in folders meant for images, if there are such folders: others are masks or previews. */
export function imagesAmong(root: string, files: readonly string[]): string[] {
  const images = files.filter(file => IMAGE.test(file));
  const meant = images.filter(file =>
    relative(root, file)
      .split(sep)
      .slice(0, -1)
      .some(part => IMAGE_FOLDERS.has(part.toLowerCase())),
  );
  return meant.length > 0 ? meant : images;
}

/** Pairs each image with the label file of the same id, else with the only unpaired one of the same base name. */
export function pairFiles(
  root: string,
  { images, labels }: { images: readonly string[]; labels: readonly string[] },
): { annotations: Map<string, string>; unpaired: string[] } {
  const annotations = new Map<string, string>();
  const unpaired = new Set(labels);
  const pair = (image: string, label: string | undefined): void => {
    if (!label) return;
    annotations.set(image, label);
    unpaired.delete(label);
  };
  const byId = new Map(labels.map(label => [idOf(root, label), label]));
  for (const image of images) pair(image, byId.get(idOf(root, image)));
  const byStem = uniqueByStem(unpaired);
  for (const image of images) if (!annotations.has(image)) pair(image, byStem.get(stemOf(image)));
  return { annotations, unpaired: [...unpaired] };
}

/** Files by base name, without names that occur more than once. */
function uniqueByStem(files: Iterable<string>): Map<string, string> {
  const unique = new Map<string, string>();
  const repeated = new Set<string>();
  for (const file of files) {
    const stem = stemOf(file);
    if (unique.has(stem)) repeated.add(stem);
    unique.set(stem, file);
  }
  for (const stem of repeated) unique.delete(stem);
  return unique;
}

export interface SplitList {
  /** null: the other split has no list, so these are all samples. */
  readonly split: Split | null;
  readonly ids: ReadonlySet<string>;
}

/** The split lists of ImageSets/Main; empty where there are none. */
export async function readSplitLists(root: string): Promise<SplitList[]> {
  const lists = { train: await readList(root, 'train'), eval: await readList(root, 'eval') };
  const test = await readList(root, 'test');
  const evaluation = lists.eval ?? test;
  if (!lists.train) return [];
  if (!evaluation) return [{ split: null, ids: lists.train }];
  return [
    { split: 'train', ids: lists.train },
    { split: 'eval', ids: evaluation },
    ...(lists.eval && test ? [{ split: 'test' as const, ids: test }] : []),
  ];
}

async function readList(root: string, split: Split): Promise<Set<string> | null> {
  for (const name of SPLIT_FILES[split]) {
    const file = join(root, 'ImageSets', 'Main', `${name}.txt`);
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) continue;
    // Lists of one class have a flag after the name: 1, 0 or -1.
    const names = text.split('\n').map(line => line.trim().replace(/\s+-?[01]$/, ''));
    return new Set(names.filter(Boolean).map(id => id.replace(IMAGE, '')));
  }
  return null;
}
