import type { Normalisation } from '../config/families.js';
import { type Image, MAX_INTERPOLATED_FACTOR, type Scaling, type Size } from './decode.js';

export type Rgb = readonly [red: number, green: number, blue: number];

export interface Placement {
  /** [height, width] of the network input. */
  readonly canvas: readonly [number, number];
  /** Size of the whole image after scaling. */
  readonly scaled: Size;
  /** Pixels of the scaled image that are cropped at its top and left. */
  readonly offset: readonly [y: number, x: number];
  readonly flip: boolean;
  /** Factors of the channels; the result is clipped at 255. */
  readonly gain: Rgb;
  readonly normalisation: Normalisation;
}

/**
 * Flips, scales, crops and normalises an image onto the top left of a canvas. The rest of the canvas is 0, the mean colour.
 * Interpolation is bilinear between pixel centres, as TensorFlow's ResizeBilinear. An image that is made smaller by more than
 * MAX_INTERPOLATED_FACTOR is filtered against aliasing, as by PIL's BILINEAR and TensorFlow's ScaleAndTranslate. An exported
 * model does the same with these operations.
 * @returns [height, width, 3]
 */
export function placeImage(
  { pixels, width, height, stored = { width, height } }: Image<Uint8Array | Float32Array>,
  placement: Placement,
): Float32Array {
  const { scaled } = placement;
  const factor = Math.max(stored.height / scaled.height, stored.width / scaled.width);
  const place = factor > MAX_INTERPOLATED_FACTOR ? placeFiltered : placeInterpolated;
  return place({ pixels, ...stored }, placement);
}

/** Scales a whole image to fit the canvas, at its top left. @returns [height, width, 3] */
export const fitImage = (
  image: Image<Uint8Array | Float32Array>,
  { canvas, normalisation }: Pick<Placement, 'canvas' | 'normalisation'>,
): Float32Array =>
  placeImage(image, {
    canvas,
    scaled: letterbox(image, canvas),
    offset: [0, 0],
    flip: false,
    gain: [1, 1, 1],
    normalisation,
  });

/** What `fitImage` makes of the size of an image. */
export const fitting =
  (canvas: Placement['canvas']): Scaling =>
  size =>
    letterbox(size, canvas);

function placeInterpolated(
  { pixels, width, height }: Image<Uint8Array | Float32Array>,
  { canvas, scaled, offset, flip, gain, normalisation }: Placement,
): Float32Array {
  const [canvasHeight, canvasWidth] = canvas;
  const placed = new Float32Array(canvasHeight * canvasWidth * 3);
  const rows = interpolation({ from: height, to: scaled.height, offset: offset[0], limit: canvasHeight });
  const columns = interpolation({ from: width, to: scaled.width, offset: offset[1], limit: canvasWidth });
  const byteOf = (column: number): number => (flip ? width - 1 - column : column) * 3;
  const [lefts, rights] = [columns.lower.map(byteOf), columns.upper.map(byteOf)];
  const red = channelScale(gain, normalisation, 0);
  const green = channelScale(gain, normalisation, 1);
  const blue = channelScale(gain, normalisation, 2);
  const { count, weight } = columns;
  for (let y = 0; y < rows.count; y++) {
    const top = rows.lower[y]! * width * 3;
    const bottom = rows.upper[y]! * width * 3;
    const down = rows.weight[y]!;
    for (let x = 0, to = y * canvasWidth * 3; x < count; x++, to += 3) {
      // The hot loop of the input pipeline: written with a loop over channels and tuples, it takes 1.5 times as long.
      const a = top + lefts[x]!;
      const b = top + rights[x]!;
      const c = bottom + lefts[x]!;
      const d = bottom + rights[x]!;
      const across = weight[x]!;
      const redAbove = mix(pixels[a]!, pixels[b]!, across);
      const redBelow = mix(pixels[c]!, pixels[d]!, across);
      placed[to] = normalised(mix(redAbove, redBelow, down), red);
      const greenAbove = mix(pixels[a + 1]!, pixels[b + 1]!, across);
      const greenBelow = mix(pixels[c + 1]!, pixels[d + 1]!, across);
      placed[to + 1] = normalised(mix(greenAbove, greenBelow, down), green);
      const blueAbove = mix(pixels[a + 2]!, pixels[b + 2]!, across);
      const blueBelow = mix(pixels[c + 2]!, pixels[d + 2]!, across);
      placed[to + 2] = normalised(mix(blueAbove, blueBelow, down), blue);
    }
  }
  return placed;
}

/** Filters down the rows that make a row of the result, then along that row. */
function placeFiltered(
  { pixels, width, height }: Image<Uint8Array | Float32Array>,
  { canvas, scaled, offset, flip, gain, normalisation }: Placement,
): Float32Array {
  const [canvasHeight, canvasWidth] = canvas;
  const placed = new Float32Array(canvasHeight * canvasWidth * 3);
  const rows = triangleFilter({ from: height, to: scaled.height, offset: offset[0], limit: canvasHeight });
  const columns = triangleFilter({ from: width, to: scaled.width, offset: offset[1], limit: canvasWidth });
  const used = [columns.first[0]!, columns.first[columns.count - 1]! + columns.size[columns.count - 1]!];
  const [from, to] = (flip ? [width - used[1]!, width - used[0]!] : used) as [number, number];
  const step = flip ? -3 : 3;
  const red = channelScale(gain, normalisation, 0);
  const green = channelScale(gain, normalisation, 1);
  const blue = channelScale(gain, normalisation, 2);
  const row = new Float32Array(width * 3);
  for (let y = 0; y < rows.count; y++) {
    row.fill(0);
    for (let tap = 0; tap < rows.size[y]!; tap++) {
      const weight = rows.weights[y * rows.taps + tap]!;
      const start = (rows.first[y]! + tap) * width * 3;
      for (let i = from * 3; i < to * 3; i++) row[i]! += weight * pixels[start + i]!;
    }
    for (let x = 0, at = y * canvasWidth * 3; x < columns.count; x++, at += 3) {
      const first = columns.first[x]!;
      let [r, g, b] = [0, 0, 0];
      for (
        let tap = 0, i = (flip ? width - 1 - first : first) * 3;
        tap < columns.size[x]!;
        tap++, i += step
      ) {
        const weight = columns.weights[x * columns.taps + tap]!;
        r += weight * row[i]!;
        g += weight * row[i + 1]!;
        b += weight * row[i + 2]!;
      }
      placed[at] = normalised(r, red);
      placed[at + 1] = normalised(g, green);
      placed[at + 2] = normalised(b, blue);
    }
  }
  return placed;
}

/** Gain and normalisation of one channel, combined. */
interface ChannelScale {
  readonly factor: number;
  readonly shift: number;
  /** 255, normalised. */
  readonly max: number;
}

const channelScale = (gain: Rgb, { mean, std }: Normalisation, channel: 0 | 1 | 2): ChannelScale => ({
  factor: gain[channel] / std[channel],
  shift: -mean[channel] / std[channel],
  max: (255 - mean[channel]) / std[channel],
});

const normalised = (value: number, { factor, shift, max }: ChannelScale): number =>
  Math.min(max, value * factor + shift);

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

/** For each output pixel along one axis, the two source pixels that it lies between and the weight of the upper one. */
interface Interpolation {
  readonly count: number;
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly weight: Float32Array;
}

/** Scales an axis from length `from` to `to`, drops the first `offset` output pixels and keeps at most `limit` of the rest. */
interface AxisScaling {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  readonly limit: number;
}

function interpolation({ from, to, offset, limit }: AxisScaling): Interpolation {
  const count = Math.min(limit, to - offset);
  const [lower, upper] = [new Int32Array(count), new Int32Array(count)];
  const weight = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const place = (i + offset + 0.5) * (from / to) - 0.5;
    lower[i] = Math.max(0, Math.floor(place));
    upper[i] = Math.min(from - 1, Math.ceil(place));
    weight[i] = place - Math.floor(place);
  }
  return { count, lower, upper, weight };
}

/** For each output pixel along one axis, the source pixels that it is made of and their weights. */
interface Filter {
  readonly count: number;
  readonly first: Int32Array;
  readonly size: Int32Array;
  /** The largest size. */
  readonly taps: number;
  /** [count, taps]: the sum over the pixels of one output pixel is 1. */
  readonly weights: Float32Array;
}

/** Weights that fall linearly from the middle of an output pixel to the middles of its neighbours. */
function triangleFilter({ from, to, offset, limit }: AxisScaling): Filter {
  const count = Math.min(limit, to - offset);
  const reach = Math.max(1, from / to);
  const taps = 2 * Math.ceil(reach) + 1;
  const [first, size] = [new Int32Array(count), new Int32Array(count)];
  const weights = new Float32Array(count * taps);
  for (let i = 0; i < count; i++) {
    const middle = (i + offset + 0.5) * (from / to);
    const start = Math.max(0, Math.floor(middle - reach + 0.5));
    const end = Math.min(from, Math.floor(middle + reach + 0.5));
    const weightOf = (pixel: number): number => Math.max(0, 1 - Math.abs(pixel + 0.5 - middle) / reach);
    let sum = 0;
    for (let pixel = start; pixel < end; pixel++) sum += weightOf(pixel);
    for (let pixel = start; pixel < end; pixel++) weights[i * taps + pixel - start] = weightOf(pixel) / sum;
    first[i] = start;
    size[i] = end - start;
  }
  return { count, first, size, taps, weights };
}

export interface Letterbox extends Size {
  /** Network pixels per image pixel. They differ a little, as sides are rounded. */
  readonly scale: readonly [y: number, x: number];
}

/** The largest size of the same aspect ratio that fits the canvas, rounded down. */
export function letterbox(
  { width, height }: Size,
  [canvasHeight, canvasWidth]: readonly [number, number],
): Letterbox {
  // Multiply before dividing, so that a side that fits exactly stays exact.
  const fit = (side: number): number =>
    Math.floor(Math.min((side * canvasHeight) / height, (side * canvasWidth) / width));
  const fitted = { width: Math.max(1, fit(width)), height: Math.max(1, fit(height)) };
  return { ...fitted, scale: [fitted.height / height, fitted.width / width] };
}
