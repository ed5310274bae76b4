import { basename, dirname, extname, join, relative } from 'node:path';
import { mapConcurrently } from '../../concurrency.js';
import { errors } from '../../errors/index.js';
import { listFiles, readHead, statOf } from '../../files/walk.js';
import { SourceAnnotation, SourceCategory, SourceImage } from '../../formats/coco.js';
import { checkEntry, readCocoLists } from '../../formats/coco-json.js';
import type { Split } from '../../formats/dataset.js';

/** The lists of a COCO file but for the annotations, which are read one at a time: a file may hold a million of them. */
export interface CocoHead {
  readonly images: readonly SourceImage[];
  readonly categories: readonly SourceCategory[];
}

/** @throws DATA_UNREADABLE or COCO_ENTRY_INVALID, with the place in the file */
export async function readCocoHead(file: string): Promise<CocoHead> {
  const images: SourceImage[] = [];
  const categories: SourceCategory[] = [];
  await readCocoLists(file, {
    images: (entry, i) => images.push(checkEntry(SourceImage, entry, `${file}: images[${i}]`)),
    categories: (entry, i) => categories.push(checkEntry(SourceCategory, entry, `${file}: categories[${i}]`)),
  });
  return { images, categories };
}

/** @throws DATA_UNREADABLE or COCO_ENTRY_INVALID, with the place in the file */
export async function readCocoAnnotations(
  file: string,
  visit: (annotation: SourceAnnotation) => void,
): Promise<void> {
  await readCocoLists(file, {
    annotations: (entry, i) => visit(checkEntry(SourceAnnotation, entry, `${file}: annotations[${i}]`)),
  });
}

const HEAD_BYTES = 65_536;
const COCO_LIST = /"(images|annotations|categories)"\s*:\s*\[/;

/** Finds the files below a path that look like COCO; of the official set only those with boxes (`instances_*`). */
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
const TEST_NAME = /test/i;
/** In order of preference. */
const EVAL_NAMES = [/val/i, TEST_NAME] as const;

/** The only file, or the files that are named after the splits; a test file evaluates where there is no other. */
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
  const [[trainFile, ...moreTrain], [evalFile, ...moreEval]] = [train, evaluation];
  if (trainFile && evalFile && moreTrain.length + moreEval.length === 0)
    return [
      { file: trainFile, split: 'train' },
      { file: evalFile, split: 'eval' },
      ...named(others, TEST_NAME)
        .filter(file => file !== evalFile)
        .map(file => ({ file, split: 'test' as const })),
    ];
  throw errors.datasetAmbiguous({
    path: root,
    found: files.map(file => relative(root, file)),
    hint: 'name one of the files as the path',
  });
}

/** The folders that may hold the images of a file, the most common one first. */
export function imageFolders(file: string): string[] {
  const folder = dirname(file);
  const base = basename(folder) === 'annotations' ? dirname(folder) : folder;
  const split = basename(file, '.json').replace(/^instances_/, '');
  return [join(base, 'images', split), join(base, split), join(base, 'images'), base];
}
