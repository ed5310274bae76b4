/**
 * Model families as rows. D0–D7x and Lite0–Lite4 are those of google/automl `efficientdet/hparams_config.py`; T0–T2 continue compound
 * scaling below D0 so that their latencies are .80, .48 and .45 of D0's.
 */
export interface FamilyRow {
  readonly backbone: BackboneName;
  /** Side of the square network input in pixels. */
  readonly imageSize: number;
  /** Channels of the BiFPN. */
  readonly fpnChannels: number;
  readonly fpnCells: number;
  /** Separable convolutions in each head before the prediction. */
  readonly headRepeats: number;
  readonly anchorScale: number;
  readonly fusion: 'fastattn' | 'sum';
  readonly activation: 'swish' | 'relu6';
  readonly minLevel: 3;
  readonly maxLevel: 7 | 8;
  /** Turns pixels 0–255 into (pixel - mean) / std. */
  readonly normalisation: Normalisation;
}

export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

export interface BackboneRow {
  /** Factor of the filters of every stage. */
  readonly width: number;
  /** Factor of the repeats of every stage. */
  readonly depth: number;
  /** Whether it has no squeeze-excitation, ReLU6, and an unscaled stem and last stage. */
  readonly lite: boolean;
}

export const BACKBONES = {
  'efficientnet-b0': { width: 1.0, depth: 1.0, lite: false },
  'efficientnet-b1': { width: 1.0, depth: 1.1, lite: false },
  'efficientnet-b2': { width: 1.1, depth: 1.2, lite: false },
  'efficientnet-b3': { width: 1.2, depth: 1.4, lite: false },
  'efficientnet-b4': { width: 1.4, depth: 1.8, lite: false },
  'efficientnet-b5': { width: 1.6, depth: 2.2, lite: false },
  'efficientnet-b6': { width: 1.8, depth: 2.6, lite: false },
  'efficientnet-b7': { width: 2.0, depth: 3.1, lite: false },
  'efficientnet-lite0': { width: 1.0, depth: 1.0, lite: true },
  'efficientnet-lite1': { width: 1.0, depth: 1.1, lite: true },
  'efficientnet-lite2': { width: 1.1, depth: 1.2, lite: true },
  'efficientnet-lite3': { width: 1.2, depth: 1.4, lite: true },
  'efficientnet-lite4': { width: 1.4, depth: 1.8, lite: true },
} as const satisfies Record<string, BackboneRow>;

export type BackboneName = keyof typeof BACKBONES;

const IMAGENET: Normalisation = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
const LITE: Normalisation = { mean: [127, 127, 127], std: [128, 128, 128] };

const full = {
  fusion: 'fastattn',
  activation: 'swish',
  minLevel: 3,
  maxLevel: 7,
  anchorScale: 4,
  normalisation: IMAGENET,
} as const;
const lite = {
  fusion: 'sum',
  activation: 'relu6',
  minLevel: 3,
  maxLevel: 7,
  anchorScale: 3,
  normalisation: LITE,
} as const;

// prettier-ignore
export const FAMILIES = {
  'efficientdet-d0': { ...full, backbone: 'efficientnet-b0', imageSize: 512, fpnChannels: 64, fpnCells: 3, headRepeats: 3 },
  'efficientdet-d1': { ...full, backbone: 'efficientnet-b1', imageSize: 640, fpnChannels: 88, fpnCells: 4, headRepeats: 3 },
  'efficientdet-d2': { ...full, backbone: 'efficientnet-b2', imageSize: 768, fpnChannels: 112, fpnCells: 5, headRepeats: 3 },
  'efficientdet-d3': { ...full, backbone: 'efficientnet-b3', imageSize: 896, fpnChannels: 160, fpnCells: 6, headRepeats: 4 },
  'efficientdet-d4': { ...full, backbone: 'efficientnet-b4', imageSize: 1024, fpnChannels: 224, fpnCells: 7, headRepeats: 4 },
  'efficientdet-d5': { ...full, backbone: 'efficientnet-b5', imageSize: 1280, fpnChannels: 288, fpnCells: 7, headRepeats: 4 },
  'efficientdet-d6': { ...full, backbone: 'efficientnet-b6', imageSize: 1280, fpnChannels: 384, fpnCells: 8, headRepeats: 5, fusion: 'sum' },
  'efficientdet-d7': { ...full, backbone: 'efficientnet-b6', imageSize: 1536, fpnChannels: 384, fpnCells: 8, headRepeats: 5, fusion: 'sum', anchorScale: 5 },
  'efficientdet-d7x': { ...full, backbone: 'efficientnet-b7', imageSize: 1536, fpnChannels: 384, fpnCells: 8, headRepeats: 5, fusion: 'sum', maxLevel: 8 },
  'efficientdet-lite0': { ...lite, backbone: 'efficientnet-lite0', imageSize: 320, fpnChannels: 64, fpnCells: 3, headRepeats: 3 },
  'efficientdet-lite1': { ...lite, backbone: 'efficientnet-lite1', imageSize: 384, fpnChannels: 88, fpnCells: 4, headRepeats: 3 },
  'efficientdet-lite2': { ...lite, backbone: 'efficientnet-lite2', imageSize: 448, fpnChannels: 112, fpnCells: 5, headRepeats: 3 },
  'efficientdet-lite3': { ...lite, backbone: 'efficientnet-lite3', imageSize: 512, fpnChannels: 160, fpnCells: 6, headRepeats: 4, anchorScale: 4 },
  'efficientdet-lite3x': { ...lite, backbone: 'efficientnet-lite3', imageSize: 640, fpnChannels: 200, fpnCells: 6, headRepeats: 4 },
  'efficientdet-lite4': { ...lite, backbone: 'efficientnet-lite4', imageSize: 640, fpnChannels: 224, fpnCells: 7, headRepeats: 4, anchorScale: 4 },
  // T1 and T2 reach the published latency ratios with lite operators only; D0's anchor scale lets D0 and others be their teachers.
  'efficientdet-t0': { ...full, backbone: 'efficientnet-b0', imageSize: 448, fpnChannels: 56, fpnCells: 2, headRepeats: 3 },
  'efficientdet-t1': { ...lite, backbone: 'efficientnet-lite0', imageSize: 384, fpnChannels: 48, fpnCells: 2, headRepeats: 2, anchorScale: 4 },
  'efficientdet-t2': { ...lite, backbone: 'efficientnet-lite0', imageSize: 320, fpnChannels: 40, fpnCells: 3, headRepeats: 2, anchorScale: 4 },
} as const satisfies Record<string, FamilyRow>;

export type ModelName = keyof typeof FAMILIES;

export const MODEL_NAMES = Object.keys(FAMILIES) as [ModelName, ...ModelName[]];

/** Width / height, whose square root and its inverse are the factors of the sides; or the factors of both sides. */
export type AspectRatio = number | readonly [width: number, height: number];

/** A cell has an anchor for each octave scale (outer loop) and aspect ratio (inner loop). */
export const NUM_SCALES = 3;
export const ASPECT_RATIOS = [1.0, 2.0, 0.5] as const satisfies readonly AspectRatio[];
export const ANCHORS_PER_CELL = NUM_SCALES * ASPECT_RATIOS.length;

export const familyOf = (name: ModelName): FamilyRow => FAMILIES[name];
