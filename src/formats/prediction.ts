import type { EngineName } from '../settings.js';

/** The detections of one image: boxes in its pixels, by descending score. */
export interface Prediction {
  readonly image: string;
  readonly width: number;
  readonly height: number;
  /** The library that ran the network. */
  readonly engine: EngineName;
  readonly detections: readonly {
    readonly box: readonly [number, number, number, number];
    readonly label: string;
    readonly score: number;
  }[];
}
