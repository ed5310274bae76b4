import { basename, dirname, extname, join, relative } from 'node:path';
import { z } from 'zod';
import { mapConcurrently } from '../../concurrency.js';
import { AppError, errors } from '../../errors/index.js';
import type { Split } from '../../formats/dataset.js';
import { listFiles, readHead, statOf } from '../../files/walk.js';
import { readJsonLists } from './json-lists.js';
import { checked } from './reader.js';

const Id = z.union([z.number(), z.string()]);

const Image = z.object({
  id: Id,
  file_name: z.string(),
  width: z.number().nullish(),
  height: z.number().nullish(),
});
/** A box that is missing or incomplete is for cleaning to name. */
const Annotation = z.object({
  image_id: Id,
  category_id: Id,
  bbox: z.array(z.number().nullable()).nullish(),
  iscrowd: z.union([z.number(), z.boolean()]).nullish(),
  area: z.number().nullish(),
});
const Category = z.object({ id: Id, name: z.string() });
const Lists = z.object({
  images: z.array(z.unknown()),
  annotations: z.array(z.unknown()),
  categories: z.array(z.unknown()),
});

export type CocoId = z.infer<typeof Id>;
export type CocoImage = z.infer<typeof Image>;
export type CocoAnnotation = z.infer<typeof Annotation>;

/** What a COCO file lists before its boxes, which come one at a time: a file may hold a million of them. */
export interface CocoHead {
  readonly images: readonly CocoImage[];
  readonly categories: readonly z.infer<typeof Category>[];
}

/** @throws DATA_UNREADABLE, with the place in the file */
export async function readCocoHead(file: string): Promise<CocoHead> {
  const images: CocoImage[] = [];
  const categories: CocoHead['categories'][number][] = [];
  const lists = await readLists(file, {
    images: (image, i) => images.push(checked(Image, image, file, `images.${i}`)),
    categories: (category, i) => categories.push(checked(Category, category, file, `categories.${i}`)),
  });
  checked(Lists, lists, file);
  return { images, categories };
}

/** @throws DATA_UNREADABLE, with the place in the file */
export async function readCocoAnnotations(
  file: string,
  visit: (annotation: CocoAnnotation) => void,
): Promise<void> {
  await readLists(file, {
    annotations: (annotation, i) => visit(checked(Annotation, annotation, file, `annotations.${i}`)),
  });
}

const readLists: typeof readJsonLists = (file, visits) =>
  readJsonLists(file, visits).catch((error: unknown) => {
    throw error instanceof AppError ? error : errors.datasetUnreadable(file, error);
  });

const HEAD_BYTES = 65_536;
const COCO_LIST = /"(images|annotations|categories)"\s*:\s*\[/;

/** The files below a path that look like COCO; of the official set those that hold boxes. */
export async function findCocoFiles(path: string): Promise<string[]> {
  const info = await statOf(path);
  if (!info?.isDirectory()) return info && extname(path) === '.json' ? [path] : [];
  const candidates = (await listFiles(path)).filter(file => file.endsWith('.json'));
  const found = await mapConcurrently(candidates, async file =>
    COCO_LIST.test(await readHead(file, HEAD_BYTES)) ? [file] : [],
  );
  const files = found.flat();
  const instances = files.filter(file => basename(file).startsWith('instances_'));
  return instances.length > 0 ? instances : files;
}

const TRAIN_NAME = /train/i;
/** The likeliest first. */
const EVAL_NAMES = [/val/i, /test/i] as const;

/** The one file, or the two that are named after the splits. */
export function chooseSplits(
  root: string,
  files: readonly string[],
): readonly { file: string; split: Split | null }[] {
  if (files.length < 2) return files.map(file => ({ file, split: null }));
  const named = (list: readonly string[], name: RegExp): string[] =>
    list.filter(file => name.test(relative(root, file)));
  const train = named(files, TRAIN_NAME);
  const others = files.filter(file => !train.includes(file));
  const evaluation = EVAL_NAMES.map(name => named(others, name)).find(list => list.length > 0) ?? [];
  if (train.length === 1 && evaluation.length === 1)
    return [
      { file: train[0]!, split: 'train' },
      { file: evaluation[0]!, split: 'eval' },
    ];
  throw errors.datasetAmbiguous({
    path: root,
    found: files.map(file => relative(root, file)),
    hint: 'name one of the files as the path',
  });
}

/** Where the images of a file may lie, the likeliest first. */
export function imageFolders(file: string): string[] {
  const folder = dirname(file);
  const base = basename(folder) === 'annotations' ? dirname(folder) : folder;
  const split = basename(file, '.json').replace(/^instances_/, '');
  return [join(base, 'images', split), join(base, split), join(base, 'images'), base];
}
