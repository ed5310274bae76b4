import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { z } from 'zod';
import { errors } from '../../errors.js';
import type { LabelledBox, RawDataset, RawSample } from '../dataset.js';
import type { DatasetReader, ReadOptions } from './reader.js';

const Id = z.union([z.number(), z.string()]);
const CocoFile = z.object({
  images: z.array(
    z.object({ id: Id, file_name: z.string(), width: z.number().optional(), height: z.number().optional() }),
  ),
  annotations: z.array(
    z.object({
      image_id: Id,
      category_id: Id,
      bbox: z.array(z.number()).length(4),
      iscrowd: z.number().optional(),
      area: z.number().optional(),
    }),
  ),
  categories: z.array(z.object({ id: Id, name: z.string() })),
});
type CocoFile = z.infer<typeof CocoFile>;

/** Parts of file names that tell the split. */
const SPLIT_NAMES = { train: /train/i, eval: /val|eval|test/i } as const;

/** COCO: a JSON file with images, annotations, categories, or a folder that holds such files and the pictures. */
export const coco: DatasetReader = {
  format: 'coco',
  needs:
    'a .json file with images, annotations and categories, or a folder with annotations/*.json and the pictures',
  detect: async path => (await annotationFiles(path)).length > 0,
  async read(path, { split }): Promise<RawDataset> {
    const file = chooseFile(path, await annotationFiles(path), split);
    const content = await parseFile(file);
    const folders = await pictureFolders(path, file);
    const boxes = boxesByImage(content);
    const samples = await Promise.all(
      content.images.map(async image => sampleOf(image, { file, folders, boxes: boxes.get(image.id) ?? [] })),
    );
    return {
      format: 'coco',
      samples: samples.sort((a, b) => (a.id < b.id ? -1 : 1)),
      classes: content.categories.map(({ name }) => name),
    };
  },
};

async function annotationFiles(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return extname(path) === '.json' ? [path] : [];
  const found: string[] = [];
  for (const folder of [path, join(path, 'annotations')]) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names)
      if (name.endsWith('.json') && (await looksLikeCoco(join(folder, name)))) found.push(join(folder, name));
  }
  return found.sort();
}

async function looksLikeCoco(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.includes('"images"') && text.includes('"annotations"') && text.includes('"categories"');
}

function chooseFile(path: string, files: readonly string[], split: ReadOptions['split']): string {
  const named = split ? files.filter(file => SPLIT_NAMES[split].test(basename(file))) : files;
  const candidates = named.length > 0 ? named : files;
  if (candidates.length === 1) return candidates[0]!;
  throw errors.datasetAmbiguous({
    path,
    found: candidates.map(file => basename(file)),
    hint: 'name one of the files as the path',
  });
}

async function parseFile(file: string): Promise<CocoFile> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw errors.datasetUnreadable(file, cause);
  }
  const result = CocoFile.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw errors.datasetUnreadable(file, new Error(`${issue.path.join('.')}: ${issue.message}`));
}

/** Where the pictures may lie, the likeliest first. */
async function pictureFolders(path: string, file: string): Promise<string[]> {
  const root = (await stat(path)).isDirectory() ? path : dirname(file);
  const split = basename(file, '.json').replace(/^instances_/, '');
  const bases = basename(dirname(file)) === 'annotations' ? [dirname(dirname(file)), root] : [root];
  return bases.flatMap(base => [base, join(base, 'images'), join(base, split), join(base, 'images', split)]);
}

function boxesByImage({ annotations, categories }: CocoFile): Map<string | number, LabelledBox[]> {
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const boxes = new Map<string | number, LabelledBox[]>();
  for (const { image_id, category_id, bbox, iscrowd, area } of annotations) {
    const [x, y, width, height] = bbox as [number, number, number, number];
    const label = names.get(category_id) ?? `category ${category_id}`;
    const box: LabelledBox = {
      box: [y, x, y + height, x + width],
      label,
      crowd: iscrowd === 1,
      difficult: false,
      area,
    };
    const list = boxes.get(image_id);
    if (list) list.push(box);
    else boxes.set(image_id, [box]);
  }
  return boxes;
}

async function sampleOf(
  image: CocoFile['images'][number],
  { file, folders, boxes }: { file: string; folders: readonly string[]; boxes: readonly LabelledBox[] },
): Promise<RawSample> {
  let found = join(folders[0]!, image.file_name);
  for (const folder of folders) {
    const candidate = join(folder, image.file_name);
    if (await stat(candidate).catch(() => null)) {
      found = candidate;
      break;
    }
  }
  const declared = image.width && image.height ? { width: image.width, height: image.height } : null;
  const id = image.file_name.slice(0, image.file_name.length - extname(image.file_name).length);
  // An image that the file lists without any box is labelled: as background.
  return { id, image: resolve(found), annotation: file, boxes, declared, problem: null };
}
