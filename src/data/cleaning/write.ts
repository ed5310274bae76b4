import { constants } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import sharp from 'sharp';
import { boxArea } from '../../boxes.js';
import { mapConcurrently } from '../../concurrency.js';
import type { CleanedDataset, CleanedSample, Split } from '../../formats/dataset.js';
import { DECODING, type Size } from '../../images/decode.js';
import type { CleaningState } from './rule.js';

interface WriteOptions {
  readonly classes: readonly string[];
  readonly outFolder: string;
  readonly beforeEach: () => void;
}

/** Stores the images of the kept samples. @returns the data set; its image ids count from 1, in the order of the samples */
export async function writeImages(
  kept: readonly CleaningState[],
  { classes, outFolder, beforeEach }: WriteOptions,
): Promise<CleanedDataset> {
  const classIndices = new Map(classes.map((name, index) => [name, index]));
  const samples = await mapConcurrently(kept, async (state, index) => {
    beforeEach();
    const image = await storeImage(state, outFolder);
    return cleanedSample(state, { imageId: index + 1, image, classIndices });
  });
  const of = (split: Split): CleanedSample[] =>
    samples.filter((_, index) => kept[index]?.sample.split === split);
  return { classes: [...classes], splits: { train: of('train'), eval: of('eval'), test: of('test') } };
}

function cleanedSample(
  { sample, width, height, boxes }: CleaningState,
  {
    imageId,
    image,
    classIndices,
  }: { imageId: number; image: string; classIndices: ReadonlyMap<string, number> },
): CleanedSample {
  return {
    imageId,
    id: sample.id,
    image,
    original: sample.image,
    width,
    height,
    boxes: boxes.map(({ box, label, crowd, difficult, area }) => ({
      box: [...box],
      classIndex: classIndices.get(label)!, // every label that is left is a class
      crowd,
      difficult,
      area: area ?? boxArea(box),
    })),
  };
}

/** Copies the file of an image, or encodes the image anew if cleaning changed it. @returns its path in the folder */
async function storeImage(
  { sample, rewrite, width, height }: CleaningState,
  outFolder: string,
): Promise<string> {
  const extension = extname(sample.image).toLowerCase();
  const stored = rewrite && extension !== '.png' ? '.jpg' : extension;
  const image = `images/${sample.split}/${sample.id}${stored}`;
  const target = join(outFolder, image);
  await mkdir(dirname(target), { recursive: true });
  if (rewrite) await rewriteImage(sample.image, target, { width, height });
  else await copyFile(sample.image, target, constants.COPYFILE_FICLONE);
  return image;
}

/** Encodes an image upright, in RGB and in the given size. */
async function rewriteImage(from: string, to: string, size: Size): Promise<void> {
  const upright = sharp(from, DECODING)
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .resize({ ...size, fit: 'fill' });
  const encoded = to.endsWith('.png')
    ? upright.png()
    : upright.jpeg({ quality: 95, chromaSubsampling: '4:4:4' });
  await encoded.toFile(to);
}
