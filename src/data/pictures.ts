import sharp from 'sharp';
import type { Normalisation } from '../config/families.js';
import { errors, messageOf } from '../errors.js';

/** RGB, 0–255, rows first. */
export interface Picture {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Decodes a picture upright and in RGB. */
export async function readPicture(path: string): Promise<Picture> {
  try {
    const image = sharp(path).autoOrient().toColourspace('srgb').removeAlpha();
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height };
  } catch (error) {
    throw errors.pictureUnreadable(path, messageOf(error));
  }
}

export async function resizePicture(
  { pixels, width, height }: Picture,
  size: { width: number; height: number },
): Promise<Picture> {
  if (size.width === width && size.height === height) return { pixels, width, height };
  const raw = sharp(pixels, { raw: { width, height, channels: 3 } });
  const data = await raw.resize(size.width, size.height, { fit: 'fill', kernel: 'linear' }).raw().toBuffer();
  return { pixels: data, ...size };
}

export interface Placement {
  /** [height, width] of the network input. */
  readonly canvas: readonly [number, number];
  /** Pixels of the picture left out at its top and left. */
  readonly offset: readonly [y: number, x: number];
  readonly flip: boolean;
  readonly normalisation: Normalisation;
}

/** Crops, flips, normalises, and places at the top left of a canvas whose rest is 0: the mean colour. [height, width, 3] */
export function placePicture(
  { pixels, width, height }: Picture,
  { canvas, offset, flip, normalisation }: Placement,
  into: Float32Array,
): void {
  const [canvasHeight, canvasWidth] = canvas;
  const rows = Math.min(canvasHeight, height - offset[0]);
  const columns = Math.min(canvasWidth, width - offset[1]);
  const { mean, std } = normalisation;
  into.fill(0);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const column = x + offset[1];
      const from = ((y + offset[0]) * width + (flip ? width - 1 - column : column)) * 3;
      const to = (y * canvasWidth + x) * 3;
      for (let channel = 0; channel < 3; channel++)
        into[to + channel] = (pixels[from + channel]! - mean[channel]!) / std[channel]!;
    }
  }
}

/** The largest size of the same aspect that fits, rounded down, and the factor from original to network pixels. */
export function letterbox(
  { width, height }: { width: number; height: number },
  [canvasHeight, canvasWidth]: readonly [number, number],
): { width: number; height: number; scale: number } {
  const scale = Math.min(canvasHeight / height, canvasWidth / width);
  return {
    width: Math.max(1, Math.floor(width * scale)),
    height: Math.max(1, Math.floor(height * scale)),
    scale,
  };
}
