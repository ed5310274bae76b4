import { basename, dirname, extname, join, posix, resolve } from 'node:path';
import { mapConcurrently } from '../../concurrency.js';
import type { Split } from '../../formats/dataset.js';
import type { LabelledBox } from '../../boxes.js';
import type { RawDataset, RawSample } from '../raw-dataset.js';
import { fileNames } from '../../files/walk.js';
import type { SourceAnnotation, SourceId } from '../../formats/coco.js';
import {
  chooseSplits,
  type CocoHead,
  findCocoFiles,
  imageFolders,
  readCocoAnnotations,
  readCocoHead,
} from './coco-file.js';
import { type DatasetReader, orderSamples } from './reader.js';

/** Reads COCO: a JSON file with images, annotations and categories, or a folder with such files and the images. */
export const coco: DatasetReader = {
  format: 'coco',
  needs:
    'a .json file with images, annotations and categories, or a folder with annotations/*.json and images',
  detect: async path => (await findCocoFiles(path)).length > 0,
  async read(path): Promise<RawDataset> {
    const parts = await Promise.all(
      chooseSplits(path, await findCocoFiles(path)).map(({ file, split }) => readFile(file, split)),
    );
    return {
      format: 'coco',
      samples: orderSamples(parts.flatMap(({ samples }) => samples)),
      classLists: parts.map(({ classes }) => classes),
      missing: [],
    };
  },
};

interface FileContent {
  readonly samples: { sample: RawSample; fullName: string }[];
  readonly classes: readonly string[];
}

async function readFile(file: string, split: Split | null): Promise<FileContent> {
  const head = await readCocoHead(file);
  const boxes = await boxesByImage(file, head);
  const locate = imageFinder(file);
  // Labels of test images are often kept secret: then the file has none at all.
  const isUnlabelled = split === 'test' && boxes.size === 0;
  const samples = await mapConcurrently(head.images, async image => {
    const name = safeName(image.file_name);
    const sample: RawSample = {
      id: name.slice(0, name.length - extname(name).length),
      split,
      image: await locate(image.file_name),
      annotation: isUnlabelled ? null : resolve(file),
      // An image that the file lists without boxes is labelled as background.
      boxes: boxes.get(image.id) ?? [],
      isBackground: false,
      labelledOn: 'unknown',
      declared: image.width && image.height ? { width: image.width, height: image.height } : null,
      problem: null,
    };
    return { sample, fullName: `${name}-${image.id}` };
  });
  const missing = unlistedSamples(file, { split, head, ids: boxes.keys() });
  return { samples: [...samples, ...missing], classes: head.categories.map(({ name }) => name) };
}

/** A relative path that stays in its folder. */
const safeName = (name: string): string => posix.normalize(`/${name.replaceAll('\\', '/')}`).slice(1);

async function boxesByImage(file: string, { categories }: CocoHead): Promise<Map<SourceId, LabelledBox[]>> {
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const boxes = new Map<SourceId, LabelledBox[]>();
  await readCocoAnnotations(file, annotation => {
    const box = boxOf(annotation, names.get(annotation.category_id) ?? `category ${annotation.category_id}`);
    const list = boxes.get(annotation.image_id);
    if (list) list.push(box);
    else boxes.set(annotation.image_id, [box]);
  });
  return boxes;
}

/** A missing number becomes NaN, which cleaning reports. */
function boxOf({ bbox, iscrowd, area }: SourceAnnotation, label: string): LabelledBox {
  const at = (index: number): number => bbox?.[index] ?? NaN;
  const [x, y, width, height] = [at(0), at(1), at(2), at(3)];
  const box = [y, x, y + height, x + width] as const;
  return { box, label, crowd: iscrowd === 1, difficult: false, ...(area != null && { area }) };
}

/** Finds images, in the folder of the last one first: usually all are in one folder, which is listed only once. */
function imageFinder(file: string): (name: string) => Promise<string> {
  let folders = imageFolders(file);
  const listed = new Map<string, Promise<Set<string>>>();
  const exists = async (path: string): Promise<boolean> => {
    const folder = dirname(path);
    const names = listed.get(folder) ?? fileNames(folder);
    listed.set(folder, names);
    return (await names).has(basename(path));
  };
  return async name => {
    for (const folder of folders) {
      if (!(await exists(join(folder, name)))) continue;
      folders = [folder, ...folders.filter(other => other !== folder)];
      return resolve(folder, name);
    }
    return resolve(folders.at(-1) ?? dirname(file), name);
  };
}

/** Samples for images that annotations name but the file does not list. */
function unlistedSamples(
  file: string,
  { split, head, ids }: { split: Split | null; head: CocoHead; ids: Iterable<SourceId> },
): FileContent['samples'] {
  const listed = new Set(head.images.map(({ id }) => id));
  return [...ids]
    .filter(id => !listed.has(id))
    .map(id => {
      const name = `image ${id}`;
      const problem = `annotations name image ${id}, which images does not list`;
      const sample = {
        image: resolve(dirname(file), name),
        annotation: resolve(file),
        boxes: [],
        isBackground: false,
        labelledOn: 'unknown' as const,
        declared: null,
      };
      return { sample: { id: name, split, ...sample, problem }, fullName: name };
    });
}
