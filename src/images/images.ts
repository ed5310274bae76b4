import sharp from 'sharp';
import type { Normalisation } from '../config/families.js';
import { errors, messageOf } from '../errors/index.js';

/** RGB, 0–255, rows first. */
export interface Image<Pixels = Uint8Array> {
  readonly pixels: Pixels;
  readonly width: number;
  readonly height: number;
}

/** What is missing at the end is an error; a tool's harmless slip inside is not. Cleaning decodes by the same rule. */
export const DECODING = { failOn: 'truncated' } as const;

/** Decodes an image upright and in RGB. */
export async function readImage(path: string): Promise<Image> {
  try {
    return await decodeImage(path);
  } catch (error) {
    throw errors.imageUnreadable(path, messageOf(error));
  }
}

/** The same of a path or of a file's bytes; errors are those of the decoder. */
export async function decodeImage(source: string | Uint8Array): Promise<Image> {
  const image = sharp(source, DECODING).autoOrient().toColourspace('srgb').removeAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}

export type Rgb = readonly [red: number, green: number, blue: number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Placement {
  /** [height, width] of the network input. */
  readonly canvas: readonly [number, number];
  /** Of the whole image once it is scaled. */
  readonly scaled: Size;
  /** Pixels of the scaled image left out at its top and left. */
  readonly offset: readonly [y: number, x: number];
  readonly flip: boolean;
  /** Multiplies the channels; what gets brighter than 255 is 255. */
  readonly gain: Rgb;
  readonly normalisation: Normalisation;
}

/**
 * Flips, scales, crops and normalises an image onto the top left of a canvas whose rest is 0: the mean colour.
 * Bilinear between pixel centres, as TensorFlow's ResizeBilinear in an exported model. @returns [height, width, 3]
 */
export function placeImage(
  { pixels, width, height }: Image<Uint8Array | Float32Array>,
  { canvas, scaled, offset, flip, gain, normalisation }: Placement,
): Float32Array {
  const [canvasHeight, canvasWidth] = canvas;
  const placed = new Float32Array(canvasHeight * canvasWidth * 3);
  const rows = sampling({ from: height, to: scaled.height, offset: offset[0], limit: canvasHeight });
  const columns = sampling({ from: width, to: scaled.width, offset: offset[1], limit: canvasWidth });
  const byteOf = (column: number): number => (flip ? width - 1 - column : column) * 3;
  const [lefts, rights] = [columns.lower.map(byteOf), columns.upper.map(byteOf)];
  const [red, green, blue] = [0, 1, 2].map(channel => toneOf(gain, normalisation, channel)) as [
    Tone,
    Tone,
    Tone,
  ];
  const { count, share } = columns;
  for (let y = 0; y < rows.count; y++) {
    const top = rows.lower[y]! * width * 3;
    const bottom = rows.upper[y]! * width * 3;
    const down = rows.share[y]!;
    for (let x = 0, to = y * canvasWidth * 3; x < count; x++, to += 3) {
      // Most of the work on an image: with a loop over channels and tuples it takes half as long again.
      const a = top + lefts[x]!;
      const b = top + rights[x]!;
      const c = bottom + lefts[x]!;
      const d = bottom + rights[x]!;
      const across = share[x]!;
      const redAbove = mix(pixels[a]!, pixels[b]!, across);
      const redBelow = mix(pixels[c]!, pixels[d]!, across);
      placed[to] = toned(mix(redAbove, redBelow, down), red);
      const greenAbove = mix(pixels[a + 1]!, pixels[b + 1]!, across);
      const greenBelow = mix(pixels[c + 1]!, pixels[d + 1]!, across);
      placed[to + 1] = toned(mix(greenAbove, greenBelow, down), green);
      const blueAbove = mix(pixels[a + 2]!, pixels[b + 2]!, across);
      const blueBelow = mix(pixels[c + 2]!, pixels[d + 2]!, across);
      placed[to + 2] = toned(mix(blueAbove, blueBelow, down), blue);
    }
  }
  return placed;
}

/** Gain and normalisation of a channel in one. */
interface Tone {
  readonly factor: number;
  readonly shift: number;
  readonly brightest: number;
}

const toneOf = (gain: Rgb, { mean, std }: Normalisation, channel: number): Tone => ({
  factor: gain[channel]! / std[channel]!,
  shift: -mean[channel]! / std[channel]!,
  brightest: (255 - mean[channel]!) / std[channel]!,
});

const toned = (value: number, { factor, shift, brightest }: Tone): number =>
  Math.min(brightest, value * factor + shift);

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

interface Sampling {
  readonly count: number;
  /** Per output pixel the two source pixels between which it lies, and how near it is to the upper one. */
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly share: Float32Array;
}

/** Along one axis of length `from` scaled to `to`: the output pixels from `offset` on that lie on the canvas. */
function sampling({
  from,
  to,
  offset,
  limit,
}: {
  from: number;
  to: number;
  offset: number;
  limit: number;
}): Sampling {
  const count = Math.min(limit, to - offset);
  const [lower, upper] = [new Int32Array(count), new Int32Array(count)];
  const share = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const place = (i + offset + 0.5) * (from / to) - 0.5;
    lower[i] = Math.max(0, Math.floor(place));
    upper[i] = Math.min(from - 1, Math.ceil(place));
    share[i] = place - Math.floor(place);
  }
  return { count, lower, upper, share };
}

/** The largest size of the same aspect that fits, rounded down, and the factor from original to network pixels. */
export function letterbox(
  { width, height }: Size,
  [canvasHeight, canvasWidth]: readonly [number, number],
): Size & { scale: number } {
  const scale = Math.min(canvasHeight / height, canvasWidth / width);
  // Multiplied before it is divided: a side that fits exactly stays exact.
  const fit = (side: number): number =>
    Math.floor(Math.min((side * canvasHeight) / height, (side * canvasWidth) / width));
  return { width: Math.max(1, fit(width)), height: Math.max(1, fit(height)), scale };
}
