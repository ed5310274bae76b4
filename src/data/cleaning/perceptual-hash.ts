import sharp from 'sharp';
import { orientBox } from './orientation.js';

/** 64 bits, of which similar images share most. */
export interface PerceptualHash {
  /** Bits 0–31, the most significant one first. */
  readonly high: number;
  /** Bits 32–63. */
  readonly low: number;
}

/** The image is reduced to this side length, in pixels. */
const SIDE = 32;
/** The number of lowest frequencies that are kept in each direction. */
const FREQUENCIES = 8;

/** DCT-II: cos(π · k · (2n + 1) / 2N), without its constant factor, which no comparison depends on. */
const COSINES = Array.from({ length: FREQUENCIES }, (_, k) =>
  Float64Array.from({ length: SIDE }, (_, n) => Math.cos((Math.PI * k * (2 * n + 1)) / (2 * SIDE))),
);

/**
 * The hash that Python's `imagehash.phash` gives for the upright image: PIL's grey levels, reduced by a Lanczos filter; each
 * bit compares one of the lowest frequencies of their DCT with the median. libvips' filter differs slightly from PIL's.
 * @param pixels RGB, 0–255, as stored
 * @returns null if the standard deviation of the grey levels is below `minContrast`: noise would decide the bits
 */
export async function perceptualHash(
  pixels: Buffer,
  {
    width,
    height,
    orientation,
    minContrast,
  }: { width: number; height: number; orientation: number; minContrast: number },
): Promise<PerceptualHash | null> {
  const small = await sharp(greyLevels(pixels), { raw: { width, height, channels: 1 } })
    .resize(SIDE, SIDE, { fit: 'fill', kernel: 'lanczos3' })
    .extractChannel(0)
    .raw()
    .toBuffer();
  return deviation(small) < minContrast ? null : bitsOf(lowFrequencies(upright(small, orientation)));
}

/** PIL's conversion to mode L. */
function greyLevels(pixels: Buffer): Buffer {
  const grey = Buffer.allocUnsafe(pixels.length / 3);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3)
    grey[i] = (pixels[at]! * 19595 + pixels[at + 1]! * 38470 + pixels[at + 2]! * 7471 + 0x8000) >> 16;
  return grey;
}

function deviation(grey: Uint8Array): number {
  let [sum, squares] = [0, 0];
  for (const level of grey) {
    sum += level;
    squares += level * level;
  }
  return Math.sqrt(Math.max(0, squares / grey.length - (sum / grey.length) ** 2));
}

/** Turns the reduced image upright; a square keeps its size. */
function upright(grey: Uint8Array, orientation: number): Uint8Array {
  if (orientation === 1) return grey;
  const turned = new Uint8Array(grey.length);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const [top, left] = orientBox([y, x, y + 1, x + 1], { orientation, width: SIDE, height: SIDE });
      turned[top * SIDE + left] = grey[y * SIDE + x]!;
    }
  return turned;
}

/** @returns [8, 8]: vertical frequency, horizontal frequency */
function lowFrequencies(grey: Uint8Array): Float64Array {
  const rows = new Float64Array(SIDE * FREQUENCIES);
  for (let y = 0; y < SIDE; y++)
    for (let k = 0; k < FREQUENCIES; k++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += COSINES[k]![x]! * grey[y * SIDE + x]!;
      rows[y * FREQUENCIES + k] = sum;
    }
  const frequencies = new Float64Array(FREQUENCIES * FREQUENCIES);
  for (let ky = 0; ky < FREQUENCIES; ky++)
    for (let kx = 0; kx < FREQUENCIES; kx++)
      for (let y = 0; y < SIDE; y++)
        frequencies[ky * FREQUENCIES + kx]! += COSINES[ky]![y]! * rows[y * FREQUENCIES + kx]!;
  return frequencies;
}

function bitsOf(frequencies: Float64Array): PerceptualHash {
  const sorted = frequencies.toSorted();
  const median = (sorted[31]! + sorted[32]!) / 2;
  const word = (from: number): number => {
    let bits = 0;
    for (let i = from; i < from + 32; i++) bits = (bits << 1) | Number(frequencies[i]! > median);
    return bits >>> 0;
  };
  return { high: word(0), low: word(32) };
}
