import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { z } from 'zod';
import { mapConcurrently } from '../../concurrency.js';
import { errors } from '../../errors.js';
import type { Split } from '../dataset.js';
import { listFiles, readHead, statOf } from '../files.js';
import { checked } from './reader.js';

const Id = z.union([z.number(), z.string()]);

/** What we read of a COCO file; a box that is missing or incomplete is for cleaning to name. */
const CocoFile = z.object({
  images: z.array(
    z.object({ id: Id, file_name: z.string(), width: z.number().nullish(), height: z.number().nullish() }),
  ),
  annotations: z.array(
    z.object({
      image_id: Id,
      category_id: Id,
      bbox: z.array(z.number().nullable()).nullish(),
      iscrowd: z.union([z.number(), z.boolean()]).nullish(),
      area: z.number().nullish(),
    }),
  ),
  categories: z.array(z.object({ id: Id, name: z.string() })),
});
export type CocoFile = z.infer<typeof CocoFile>;

export async function parseCoco(file: string): Promise<CocoFile> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw errors.datasetUnreadable(file, cause);
  }
  return checked(CocoFile, value, file);
}

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

/** Where the pictures of a file may lie, the likeliest first. */
export function pictureFolders(file: string): string[] {
  const folder = dirname(file);
  const base = basename(folder) === 'annotations' ? dirname(folder) : folder;
  const split = basename(file, '.json').replace(/^instances_/, '');
  return [join(base, 'images', split), join(base, split), join(base, 'images'), base];
}
