import type { EngineName } from '../settings.js';

/** What `predict` finds in one image: boxes in its pixels, by falling score. */
export interface Prediction {
  readonly image: string;
  readonly width: number;
  readonly height: number;
  /** What ran the network. */
  readonly engine: EngineName;
  readonly detections: readonly {
    readonly box: readonly [number, number, number, number];
    readonly label: string;
    readonly score: number;
  }[];
}
