import sharp from 'sharp';
import { decodePicture, type Picture } from '../images/images.js';
import { errors, messageOf } from '../errors/index.js';

/** What a picture may be: other formats that the decoder knows are programs in disguise, or slow. */
const FORMATS: readonly string[] = ['jpeg', 'png', 'webp'];

interface DecodeOptions {
  /** For errors: where the picture stands in the request. */
  readonly place: string;
  readonly maxMegapixels: number;
}

/** A file's bytes → the picture as training sees it: upright, RGB. Its size is known before anything is decoded. */
export async function decodeRequestPicture(
  encoded: Uint8Array,
  { place, maxMegapixels }: DecodeOptions,
): Promise<Picture> {
  const problem = (error: unknown): Error => errors.requestInvalid(place, `no picture: ${messageOf(error)}`);
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
  return decodePicture(encoded).catch((error: unknown) => {
    throw problem(error);
  });
}
