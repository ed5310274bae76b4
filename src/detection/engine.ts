import type { BoxYxyx } from '../boxes.js';
import type { Picture } from '../data/pictures.js';

export interface Detection {
  /** In pixels of the picture. */
  readonly box: BoxYxyx;
  /** From 0. */
  readonly classIndex: number;
  readonly score: number;
}

/** A picture, or values 0–255 between those that a picture can have. */
export type DetectorInput = Picture<Uint8Array | Float32Array>;

/** Pictures of one size → the detections of each by falling score. */
export type Engine = (pictures: readonly DetectorInput[]) => Promise<Detection[][]>;
