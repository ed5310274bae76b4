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

/** A decoder may reduce an image if more than this times as many pixels as needed are left, per side. */
const LEFT_TO_SCALE = 2;

/**
 * Decodes a file to upright RGB.
 * @param scaling what the image is needed for: a JPEG may then be decoded at a reduced scale
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
  if (reduction) image.resize({ ...reduction.stored, fit: 'fill', kernel: 'linear' });
  const { data, info } = await image
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { pixels: data, ...(reduction ?? { width, height }) };
}

/**
 * The size in which a JPEG is decoded, which then costs a fraction of the time: the decoder itself leaves out most of the work
 * (libjpeg's shrink-on-load). More than twice the needed size is left, for `placeImage` to filter. null: the image's own.
 */
async function reductionOf(image: Sharp, scaling: Scaling): Promise<(Size & { stored: Size }) | null> {
  const { format, autoOrient } = await image.metadata();
  if (format !== 'jpeg') return null;
  const { width, height } = autoOrient;
  const scaled = scaling({ width, height });
  const factor = Math.min(width / scaled.width, height / scaled.height);
  const divisor = Math.ceil(factor / LEFT_TO_SCALE) - 1;
  if (divisor < 2) return null;
  const stored = { width: Math.ceil(width / divisor), height: Math.ceil(height / divisor) };
  return { width, height, stored };
}
