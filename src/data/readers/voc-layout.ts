import { readFile } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import type { Split } from '../../formats/dataset.js';
import { IMAGE } from './reader.js';

/** Folders that hold images or labels only: they are no part of a sample's name. */
const IMAGE_FOLDERS: ReadonlySet<string> = new Set(['jpegimages', 'images']);
const LABEL_FOLDERS: ReadonlySet<string> = new Set(['annotations', 'labels', 'xml', 'xmls']);

/** Split files of ImageSets/Main, the first that exists is used. */
const SPLIT_FILES = { train: ['train', 'trainval'], eval: ['val', 'eval', 'test'] } as const;

const withoutExtension = (file: string): string => file.slice(0, file.length - extname(file).length);
const stemOf = (file: string): string => basename(withoutExtension(file));

/** JPEGImages/a.jpg and Annotations/a.xml are both a; train/a.jpg is train/a. */
export function idOf(root: string, file: string): string {
  const parts = withoutExtension(relative(root, file)).split(sep);
  const named = parts.filter((part, index) => {
    const folder = part.toLowerCase();
    return index === parts.length - 1 || !(IMAGE_FOLDERS.has(folder) || LABEL_FOLDERS.has(folder));
  });
  return named.join('/');
}

/** Where a folder is meant for images, others (masks, previews) are not samples. */
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

/** The label file of each image: the one of the same id, else the only one left of the same name. */
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

/** Files by their bare name, where only one has it. */
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
  /** null: the other split is not named, so these are all there is. */
  readonly split: Split | null;
  readonly ids: ReadonlySet<string>;
}

/** What ImageSets/Main says; empty where it says nothing. */
export async function readSplitLists(root: string): Promise<SplitList[]> {
  const [train, evaluation] = [await readList(root, 'train'), await readList(root, 'eval')];
  if (!train) return [];
  if (!evaluation) return [{ split: null, ids: train }];
  return [
    { split: 'train', ids: train },
    { split: 'eval', ids: evaluation },
  ];
}

async function readList(root: string, split: Split): Promise<Set<string> | null> {
  for (const name of SPLIT_FILES[split]) {
    const file = join(root, 'ImageSets', 'Main', `${name}.txt`);
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) continue;
    // Lists of one class put a flag behind the name: 1, 0 or -1.
    const names = text.split('\n').map(line => line.trim().replace(/\s+-?[01]$/, ''));
    return new Set(names.filter(Boolean).map(id => id.replace(IMAGE, '')));
  }
  return null;
}
