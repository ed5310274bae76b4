import { constants } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { boxArea } from '../../boxes.js';
import { mapConcurrently } from '../../concurrency.js';
import type { CleanedDataset, CleanedSample, Split } from '../../formats/dataset.js';
import { rewriteImage } from './image.js';
import type { Working } from './rule.js';

export interface Kept {
  readonly split: Split;
  readonly working: Working;
}

/** Stores the images and says where they lie; numbers count from 1, in the order given. */
export async function writeSamples(
  kept: readonly Kept[],
  {
    classes,
    outFolder,
    beforeEach,
  }: { classes: readonly string[]; outFolder: string; beforeEach: () => void },
): Promise<CleanedDataset> {
  const indices = new Map(classes.map((name, index) => [name, index]));
  const samples = await mapConcurrently(kept, async (entry, index) => {
    beforeEach();
    const image = await storeImage(entry, outFolder);
    return cleanedSample(entry.working, { imageId: index + 1, image, indices });
  });
  const of = (split: Split): CleanedSample[] => samples.filter((_, index) => kept[index]!.split === split);
  return { classes: [...classes], splits: { train: of('train'), eval: of('eval') } };
}

function cleanedSample(
  { sample, width, height, boxes }: Working,
  { imageId, image, indices }: { imageId: number; image: string; indices: ReadonlyMap<string, number> },
): CleanedSample {
  return {
    imageId,
    id: sample.id,
    image,
    original: sample.image,
    width,
    height,
    boxes: boxes.map(({ box, label, crowd, area }) => ({
      box: [...box],
      classIndex: indices.get(label)!,
      crowd,
      area: area ?? boxArea(box),
    })),
  };
}

/** Copies an image as it is, or writes it anew where cleaning changed it. @returns its place in the folder */
async function storeImage({ split, working }: Kept, outFolder: string): Promise<string> {
  const { sample, rewrite, width, height } = working;
  const extension = extname(sample.image).toLowerCase();
  const stored = rewrite && extension !== '.png' ? '.jpg' : extension;
  const image = `images/${split}/${sample.id}${stored}`;
  const target = join(outFolder, image);
  await mkdir(dirname(target), { recursive: true });
  if (rewrite) await rewriteImage(sample.image, target, { width, height });
  else await copyFile(sample.image, target, constants.COPYFILE_FICLONE);
  return image;
}
