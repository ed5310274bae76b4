import sharp from 'sharp';
import { decodeImage, type Image } from '../images/decode.js';
import { errors, messageOf } from '../errors/index.js';

/** What an image may be: other formats that the decoder knows are programs in disguise, or slow. */
const FORMATS: readonly string[] = ['jpeg', 'png', 'webp'];

interface DecodeOptions {
  /** For errors: where the image stands in the request. */
  readonly place: string;
  readonly maxMegapixels: number;
}

/** A file's bytes → the image as training sees it: upright, RGB. Its size is known before anything is decoded. */
export async function decodeRequestImage(
  encoded: Uint8Array,
  { place, maxMegapixels }: DecodeOptions,
): Promise<Image> {
  const problem = (error: unknown): Error => errors.requestInvalid(place, `no image: ${messageOf(error)}`);
  const {
    format,
    width,
    height,
    pages = 1,
  } = await sharp(encoded)
    .metadata()
    .catch((error: unknown) => {
      throw problem(error);
    });
  if (!FORMATS.includes(format) || pages > 1)
    throw errors.requestInvalid(
      place,
      `${pages > 1 ? 'animated ' : ''}${format}; allowed: ${FORMATS.join(', ')}`,
    );
  if (width * height > maxMegapixels * 1e6)
    throw errors.requestTooLarge(
      place,
      `${width} × ${height} pixels, at most ${maxMegapixels} million in all`,
    );
  return decodeImage(encoded).catch((error: unknown) => {
    throw problem(error);
  });
}
