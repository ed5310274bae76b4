import type { LabelledBox } from '../boxes.js';
import type { Split } from '../formats/dataset.js';

/** The image that boxes were drawn on: upright as EXIF says, as most viewers show it, or as its pixels are stored. */
export type LabelledOn = 'upright' | 'stored';

/** One image as a reader finds it; nothing is checked yet. */
export interface RawSample {
  /** A relative path without extension, unique in the data set. It stays the same when the data set moves. */
  readonly id: string;
  /** The split that the data set assigns; null: it assigns none. */
  readonly split: Split | null;
  /** Absolute path. */
  readonly image: string;
  /** Absolute path of the annotation file; null: there is none. */
  readonly annotation: string | null;
  /** Has no annotation, and the custom of its format is that such an image shows no object. */
  readonly isBackground: boolean;
  readonly boxes: readonly LabelledBox[];
  /** What the boxes refer to; unknown: the format does not say, and cleaning has to find out. */
  readonly labelledOn: LabelledOn | 'unknown';
  /** The image size that the annotation states. */
  readonly declared: { readonly width: number; readonly height: number } | null;
  /** Why the annotation could not be read. */
  readonly problem: string | null;
}

export interface RawDataset {
  readonly format: string;
  /** Sorted by id. */
  readonly samples: readonly RawSample[];
  /** Class names in the order of the data set's own ids, one list for each file that has one. */
  readonly classLists: readonly (readonly string[])[];
  /** What the data set names and cannot be used, and what is done without, one sentence each. */
  readonly missing: readonly string[];
}

/** Whether two lists hold the same boxes with the same labels, in any order. */
export const haveEqualBoxes = (a: readonly LabelledBox[], b: readonly LabelledBox[]): boolean =>
  describeBoxes(a) === describeBoxes(b);

const describeBoxes = (boxes: readonly LabelledBox[]): string =>
  boxes
    .map(({ label, box }) => `${label} ${box.join(' ')}`)
    .sort()
    .join('\n');
