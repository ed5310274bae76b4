import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { mapConcurrently } from '../../concurrency.js';
import { messageOf } from '../../errors/index.js';
import type { RawDataset, RawSample } from '../raw-dataset.js';
import { listFiles, readHead, statOf } from '../../files/walk.js';
import { findManifest } from './find-manifest.js';
import { type DatasetReader, orderSamples } from './reader.js';
import { idOf } from './sample-id.js';
import { imagesAmong, pairFiles, readSplitLists, type SplitList } from './voc-layout.js';
import { parseVoc } from '../../formats/voc-xml.js';

const HEAD_BYTES = 4096;

/** Reads Pascal VOC: one XML file per image, beside it or in another folder; ImageSets/Main may name the splits. */
export const voc: DatasetReader = {
  format: 'voc',
  needs: 'a folder of images and one .xml file of the same name for each, side by side or in folders',
  async detect(path) {
    if (!(await statOf(path))?.isDirectory()) return false;
    // XML files beside a manifest belong to it.
    if (await findManifest(path)) return false;
    for (const file of await listFiles(path))
      if (isLabel(file) && (await readHead(file, HEAD_BYTES)).includes('<annotation')) return true;
    return false;
  },
  async read(path): Promise<RawDataset> {
    const files = (await statOf(path))?.isDirectory() ? await listFiles(path) : [];
    const images = imagesAmong(path, files);
    const { annotations, unpaired } = pairFiles(path, { images, labels: files.filter(isLabel) });
    const labelled = await mapConcurrently(images, image =>
      readSample(path, image, annotations.get(image) ?? null),
    );
    const orphans = await mapConcurrently(unpaired, label => readOrphan(path, label));
    const samples = [...labelled, ...orphans.filter(orphan => orphan !== null)];
    const named = inSplits(path, { samples, lists: await readSplitLists(path) });
    return {
      format: 'voc',
      samples: orderSamples(named.map(sample => ({ sample, fullName: relative(path, sample.image) }))),
      classLists: [],
      missing: [],
    };
  },
};

const isLabel = (file: string): boolean => extname(file).toLowerCase() === '.xml';

async function readSample(root: string, image: string, annotation: string | null): Promise<RawSample> {
  const bare: RawSample = {
    id: idOf(root, image),
    split: null,
    image: resolve(image),
    annotation: annotation && resolve(annotation),
    boxes: [],
    isBackground: false,
    labelledOn: 'unknown',
    declared: null,
    problem: null,
  };
  if (!annotation) return bare;
  try {
    const { boxes, declared } = parseVoc(await readFile(annotation, 'utf8'));
    return { ...bare, boxes, declared };
  } catch (error) {
    return { ...bare, problem: messageOf(error) };
  }
}

/** A label file without its image is a sample whose image is missing; other XML files are ignored. */
async function readOrphan(root: string, label: string): Promise<RawSample | null> {
  try {
    const { filename } = parseVoc(await readFile(label, 'utf8'));
    const image = join(dirname(label), basename(filename ?? label));
    return { ...(await readSample(root, image, label)), id: idOf(root, label) };
  } catch {
    // The file is not Pascal VOC.
    return null;
  }
}

/** One sample for each mention in a split list; a name without a file is a sample whose image is missing. */
function inSplits(
  root: string,
  { samples, lists }: { samples: readonly RawSample[]; lists: readonly SplitList[] },
): RawSample[] {
  if (lists.length === 0) return [...samples];
  const byId = new Map(samples.map(sample => [sample.id, sample]));
  return lists.flatMap(({ split, ids }) =>
    [...ids].map(id => ({ ...(byId.get(id) ?? missing(root, id)), split })),
  );
}

const missing = (root: string, id: string): RawSample => ({
  id,
  split: null,
  image: resolve(root, 'JPEGImages', `${id}.jpg`),
  annotation: null,
  boxes: [],
  isBackground: false,
  labelledOn: 'unknown',
  declared: null,
  problem: null,
});
