import { readFileSync } from 'node:fs';
import type { BoxYxyx } from '../src/boxes.js';
import type { AspectRatio } from '../src/config/families.js';

interface Cases {
  readonly ratios: Readonly<Record<'numbers' | 'pairs', readonly AspectRatio[]>>;
  readonly targets: readonly {
    readonly name: string;
    readonly ratios: string;
    readonly size: [number, number];
    readonly boxes: readonly BoxYxyx[];
    readonly positives: number;
    /** Anchors with a box, the class index of each, and the sum of their codes. */
    readonly anchors: readonly number[];
    readonly classes: readonly number[];
    readonly codes: readonly number[];
  }[];
  readonly iou: {
    readonly predicted: number[][];
    readonly target: number[][];
    readonly losses: Readonly<Record<'iou' | 'giou' | 'diou' | 'ciou', readonly number[]>>;
  };
  readonly detect: {
    readonly size: number;
    readonly batch: number;
    readonly classes: number;
    readonly max: number;
  };
  readonly detections: readonly {
    readonly name: string;
    readonly inputs: number;
    /** Boxes cut to the image, as one of its ways does. */
    readonly clipped: boolean;
    readonly valid: readonly number[];
    readonly boxes: readonly number[];
    readonly scores: readonly number[];
    readonly labels: readonly number[];
  }[];
}

/** What google/automl itself gives: cases.py. */
export const AUTOML = JSON.parse(
  readFileSync(new URL('golden/automl/cases.json', import.meta.url), 'utf8'),
) as Cases;
