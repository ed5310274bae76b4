import type { BoxYxyx } from '../boxes.js';
import type { NmsConfigs } from '../config/run.js';
import type { Picture } from '../images/images.js';

export interface Detection {
  /** In pixels of the picture. */
  readonly box: BoxYxyx;
  /** From 0. */
  readonly classIndex: number;
  readonly score: number;
}

/** A picture, or values 0–255 between those that a picture can have. */
export type DetectorInput = Picture<Uint8Array | Float32Array>;

export interface Engine {
  /** Pictures of one size → the detections of each by falling score. */
  readonly detect: (pictures: readonly DetectorInput[]) => Promise<Detection[][]>;
  /** The same for each of several rules of suppression, by one pass of the network; null: this engine has only the model's. */
  readonly detectUnder:
    ((pictures: readonly DetectorInput[], rules: readonly NmsConfigs[]) => Promise<Detection[][][]>) | null;
}
