import sharp from 'sharp';
import { messageOf } from '../../errors/index.js';
import { sha256 } from '../../files/hashing.js';
import { DECODING } from '../../images/decode.js';
import { type PerceptualHash, perceptualHash } from './perceptual-hash.js';
import { type Measures, measureImage } from './measures.js';

/** What cleaning needs to know of a stored image. */
export interface ImageFacts {
  /** As stored, before any EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly space: string;
  /** jpeg, png, … by its content, whatever its name. */
  readonly format: string;
  /** SHA-256 of the decoded RGB pixels, as stored; null: nobody asked. */
  readonly pixels: string | null;
  /** null: nobody asked, or there is too little to see. */
  readonly hash: PerceptualHash | null;
  /** null: nobody asked. */
  readonly looks: Measures | null;
  /** EXIF: 1 is upright. */
  readonly orientation: number;
  /** Why it cannot be decoded. */
  readonly problem: string | null;
}

const UNREADABLE = {
  width: 0,
  height: 0,
  channels: 0,
  space: '',
  format: '',
  pixels: null,
  hash: null,
  looks: null,
  orientation: 1,
};

/** What is computed only where a rule wants it. */
export interface Wanted {
  readonly pixels: boolean;
  readonly looks: boolean;
  /** Of images whose grey levels deviate at least by this; null: of none. */
  readonly hashFrom: number | null;
}

/** Decodes the whole image, once: a header alone does not show that the end is missing. */
export async function inspectImage(file: string, wanted: Wanted, isLast = false): Promise<ImageFacts> {
  try {
    const image = sharp(file, DECODING);
    const { width, height, channels, space, format, orientation = 1 } = await image.metadata();
    const rgb = await image.removeAlpha().toColourspace('srgb').raw().toBuffer();
    const size = { width, height };
    return {
      ...{ width, height, channels, space, format, orientation, problem: null },
      pixels: wanted.pixels ? sha256(rgb) : null,
      looks: wanted.looks ? await measureImage(rgb, size) : null,
      hash:
        wanted.hashFrom === null
          ? null
          : await perceptualHash(rgb, { ...size, orientation, minDeviation: wanted.hashFrom }),
    };
  } catch (error) {
    const problem = messageOf(error);
    // The decoder keeps one message for all its threads: another may have taken this one's.
    if (problem === 'Unknown error' && !isLast) return inspectImage(file, wanted, true);
    return { ...UNREADABLE, problem };
  }
}

/** Writes an image upright, in RGB and in this size. */
export async function rewriteImage(
  from: string,
  to: string,
  size: { readonly width: number; readonly height: number },
): Promise<void> {
  const upright = sharp(from, DECODING)
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .resize({ ...size, fit: 'fill' });
  await (
    to.endsWith('.png') ? upright.png() : upright.jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
  ).toFile(to);
}
