import type { BoxYxyx } from '../boxes.js';
import type { NmsConfigs } from '../config/run.js';
import type { Image } from '../images/decode.js';

export interface Detection {
  /** In pixels of the image. */
  readonly box: BoxYxyx;
  /** Counted from 0. */
  readonly classIndex: number;
  readonly score: number;
}

/** An image; its values, 0–255, need not be integers. */
export type DetectorInput = Image<Uint8Array | Float32Array>;

export interface Engine {
  /** Takes images of one size and gives the detections of each by falling score. */
  readonly detect: (images: readonly DetectorInput[]) => Promise<Detection[][]>;
  /** The same for each of several suppression rules with one pass of the network; null: this engine has only the model's. */
  readonly detectUnder:
    ((images: readonly DetectorInput[], rules: readonly NmsConfigs[]) => Promise<Detection[][][]>) | null;
}
