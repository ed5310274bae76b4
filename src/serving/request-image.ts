import sharp from 'sharp';
import { errors, messageOf } from '../errors/index.js';
import { decodeImage, type Image } from '../images/decode.js';
import { fitting } from '../images/place.js';

/** Allowed formats. The decoder supports others, but some of them can run programs, and some are slow. */
const FORMATS: readonly string[] = ['jpeg', 'png', 'webp'];

interface DecodeOptions {
  /** The place of the image in the request, for errors. */
  readonly place: string;
  readonly maxMegapixels: number;
  /** [height, width] of the network input. */
  readonly imageSize: readonly [number, number];
}

/** Decodes a file as training does: upright, RGB. Checks format and size before decoding. */
export async function decodeRequestImage(
  encoded: Uint8Array,
  { place, maxMegapixels, imageSize }: DecodeOptions,
): Promise<Image> {
  const refuse = (error: unknown): never => {
    throw errors.requestInvalid(place, `not an image: ${messageOf(error)}`);
  };
  const { format, width, height, pages = 1 } = await sharp(encoded).metadata().catch(refuse);
  if (!FORMATS.includes(format) || pages > 1)
    throw errors.requestInvalid(
      place,
      `${pages > 1 ? 'animated ' : ''}${format}; allowed: ${FORMATS.join(', ')}`,
    );
  if (width * height > maxMegapixels * 1e6)
    throw errors.requestTooLarge(place, `${width} × ${height} pixels, at most ${maxMegapixels} MP allowed`);
  return decodeImage(encoded, fitting(imageSize)).catch(refuse);
}
