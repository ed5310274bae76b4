import sharp, { type Sharp } from 'sharp';
import { errors, messageOf } from '../errors/index.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Image<Pixels = Uint8Array> extends Size {
  /** RGB, 0–255, row by row. */
  readonly pixels: Pixels;
  /** The size in which the pixels are stored, where the image was decoded at a reduced scale. */
  readonly stored?: Size;
}

/** From the size of an image, the size to which it will be scaled. */
export type Scaling = (size: Size) => Size;

/** sharp's options for every decoder here and in cleaning: a truncated file is an error, a harmless flaw inside is not. */
export const DECODING = { failOn: 'truncated' } as const;

/** An image that is made smaller by more than this is filtered: interpolation would leave out the pixels between two. */
export const MAX_INTERPOLATED_FACTOR = 2;

/**
 * Decodes a file to upright RGB.
 * @param scaling what the image is needed for: one that will be much smaller may then be decoded in that size
 * @throws DATA_IMAGE_UNREADABLE
 */
export async function readImage(path: string, scaling: Scaling | null = null): Promise<Image> {
  try {
    return await decodeImage(path, scaling);
  } catch (error) {
    throw errors.imageUnreadable(path, messageOf(error));
  }
}

/** Decodes a file, or the bytes of one, to upright RGB, like `readImage`. Errors are sharp's own. */
export async function decodeImage(
  source: string | Uint8Array,
  scaling: Scaling | null = null,
): Promise<Image> {
  const image = sharp(source, DECODING).autoOrient();
  const reduction = scaling && (await reductionOf(image, scaling));
  if (reduction)
    image.resize({ ...reduction.stored, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
  const { data, info } = await image
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { pixels: data, ...(reduction ?? { width, height }) };
}

/**
 * The size in which an image is decoded that will be much smaller; null: its own. libvips filters as `placeImage` does, in a
 * fraction of the time, and lets the decoder of JPEGs leave out work as long as twice the size remains (shrink-on-load).
 */
async function reductionOf(image: Sharp, scaling: Scaling): Promise<(Size & { stored: Size }) | null> {
  const { hasAlpha, autoOrient } = await image.metadata();
  const { width, height } = autoOrient;
  const scaled = scaling({ width, height });
  const factor = Math.max(width / scaled.width, height / scaled.height);
  // Opacity has no influence on the colours, but libvips would weigh them with it.
  if (hasAlpha || factor <= MAX_INTERPOLATED_FACTOR) return null;
  return { width, height, stored: { width: scaled.width, height: scaled.height } };
}
