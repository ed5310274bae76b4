import sharp from 'sharp';
import { errors, messageOf } from '../errors/index.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Image<Pixels = Uint8Array> extends Size {
  /** RGB, 0–255, row by row. */
  readonly pixels: Pixels;
}

/** sharp's options for every decoder here and in cleaning: a truncated file is an error, a harmless flaw inside is not. */
export const DECODING = { failOn: 'truncated' } as const;

/** Decodes a file to upright RGB. @throws DATA_IMAGE_UNREADABLE */
export async function readImage(path: string): Promise<Image> {
  try {
    return await decodeImage(path);
  } catch (error) {
    throw errors.imageUnreadable(path, messageOf(error));
  }
}

/** Decodes a file, or the bytes of one, to upright RGB. Errors are sharp's own. */
export async function decodeImage(source: string | Uint8Array): Promise<Image> {
  const image = sharp(source, DECODING).autoOrient().toColourspace('srgb').removeAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { pixels: data, width: info.width, height: info.height };
}
