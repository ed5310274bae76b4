import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../errors/index.js';
import { readJsonFile } from './json-file.js';

/** [ymin, xmin, ymax, xmax] in pixels of the image. */
const Box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const CleanedSample = z.strictObject({
  /** A number, as COCO files need one; unique over all splits. */
  imageId: z.int(),
  id: z.string(),
  /** Path of the image, relative to the folder of the data set. */
  image: z.string(),
  /** Path of the image that it was made from. */
  original: z.string(),
  width: z.int(),
  height: z.int(),
  boxes: z.array(
    z.strictObject({
      box: Box,
      classIndex: z.int(),
      /** Ignored in training and evaluation: several objects, or one that is `difficult`. */
      crowd: z.boolean(),
      difficult: z.boolean(),
      area: z.number(),
    }),
  ),
});
export type CleanedSample = z.infer<typeof CleanedSample>;

/** A cleaned data set as training and evaluation read it. */
const CleanedDataset = z.strictObject({
  classes: z.array(z.string()),
  splits: z.strictObject({
    train: z.array(CleanedSample),
    /** Measured during training: it chooses the checkpoint. */
    eval: z.array(CleanedSample),
    /** Measured once, at the end; empty: there is none. */
    test: z.array(CleanedSample),
  }),
});
export type CleanedDataset = z.infer<typeof CleanedDataset>;

export const SPLITS = [
  'train',
  'eval',
  'test',
] as const satisfies readonly (keyof CleanedDataset['splits'])[];
export type Split = (typeof SPLITS)[number];

const DATASET_FILE = 'dataset.json';

/** @throws DATA_UNREADABLE: the folder holds no cleaned data set, or a damaged one */
export const readCleanedDataset = (folder: string): Promise<CleanedDataset> =>
  readJsonFile(join(folder, DATASET_FILE), CleanedDataset, errors.datasetUnreadable);

export const writeCleanedDataset = (folder: string, dataset: CleanedDataset): Promise<void> =>
  writeFile(join(folder, DATASET_FILE), `${JSON.stringify(dataset)}\n`);
