import { z } from 'zod';
import type { BoxYxyx } from '../boxes.js';

/** A box as a data set labels it, in pixels of the image. */
export interface LabelledBox {
  readonly box: BoxYxyx;
  readonly label: string;
  readonly crowd: boolean;
  readonly difficult: boolean;
  /** Of the object's outline where known, else of the box. */
  readonly area?: number;
}

/** One image as a reader finds it: nothing is checked yet. */
export interface RawSample {
  /** Unique in the data set; keeps its meaning when the data set moves. A relative path without extension. */
  readonly id: string;
  /** What the data set says that it is for; null: it does not say. */
  readonly split: Split | null;
  /** Absolute path. */
  readonly image: string;
  /** Absolute path of the file that labels it; null: there is none. */
  readonly annotation: string | null;
  readonly boxes: readonly LabelledBox[];
  /** Size that the annotation claims. */
  readonly declared: { readonly width: number; readonly height: number } | null;
  /** Why the annotation could not be read. */
  readonly problem: string | null;
}

export interface RawDataset {
  readonly format: string;
  /** In the order of their ids. */
  readonly samples: readonly RawSample[];
  /** Class names in the order of the source's ids, where it has one. */
  readonly classes: readonly string[] | null;
}

const Box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

export const CleanedSample = z.strictObject({
  /** Numeric, as COCO files want it; unique over both splits. */
  imageId: z.int(),
  id: z.string(),
  /** Relative to the folder of the data set. */
  image: z.string(),
  /** Where the image came from. */
  original: z.string(),
  width: z.int(),
  height: z.int(),
  boxes: z.array(z.strictObject({ box: Box, classIndex: z.int(), crowd: z.boolean(), area: z.number() })),
});
export type CleanedSample = z.infer<typeof CleanedSample>;

/** dataset.json of a cleaned data set: what training and evaluation read. */
export const CleanedDataset = z.strictObject({
  classes: z.array(z.string()),
  splits: z.strictObject({ train: z.array(CleanedSample), eval: z.array(CleanedSample) }),
});
export type CleanedDataset = z.infer<typeof CleanedDataset>;
export type Split = keyof CleanedDataset['splits'];

export const DATASET_FILE = 'dataset.json';
