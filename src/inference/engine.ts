import type { BoxYxyx } from '../boxes.js';
import type { NmsConfigs } from '../config/run.js';
import type { Image } from '../images/decode.js';

export interface Detection {
  /** In pixels of the image. */
  readonly box: BoxYxyx;
  /** From 0. */
  readonly classIndex: number;
  readonly score: number;
}

/** An image, or values 0–255 between those that an image can have. */
export type DetectorInput = Image<Uint8Array | Float32Array>;

export interface Engine {
  /** Images of one size → the detections of each by falling score. */
  readonly detect: (images: readonly DetectorInput[]) => Promise<Detection[][]>;
  /** The same for each of several rules of suppression, by one pass of the network; null: this engine has only the model's. */
  readonly detectUnder:
    ((images: readonly DetectorInput[], rules: readonly NmsConfigs[]) => Promise<Detection[][][]>) | null;
}
