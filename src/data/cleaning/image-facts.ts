import sharp from 'sharp';
import { messageOf } from '../../errors/index.js';
import { sha256 } from '../../files/hashing.js';
import { DECODING } from '../../images/decode.js';
import { type Appearance, measureAppearance } from './appearance.js';
import { type PerceptualHash, perceptualHash } from './perceptual-hash.js';

/** What cleaning knows of an image file. */
export interface ImageFacts {
  /** Size as stored, before any EXIF orientation is applied. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** The colour space. */
  readonly space: string;
  /** jpeg, png, … by the content of the file, whatever its extension. */
  readonly format: string;
  /** SHA-256 of the decoded RGB pixels as stored; null: not computed. */
  readonly pixels: string | null;
  /** null: not computed, or the image shows too little. */
  readonly hash: PerceptualHash | null;
  /** null: not computed. */
  readonly appearance: Appearance | null;
  /** EXIF orientation; 1 is upright. */
  readonly orientation: number;
  /** Why the image cannot be decoded. */
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
  appearance: null,
  orientation: 1,
};

/** The checks that are made only if a rule needs them. */
export interface ImageChecks {
  readonly pixels: boolean;
  readonly appearance: boolean;
  /** An image is hashed if its grey levels deviate at least by this; null: no image is hashed. */
  readonly minHashContrast: number | null;
}

/** Decodes the whole image once, as the header alone does not show that the end is missing. */
export async function inspectImage(file: string, checks: ImageChecks, isRetry = false): Promise<ImageFacts> {
  const { minHashContrast } = checks;
  try {
    const image = sharp(file, DECODING);
    const { width, height, channels, space, format, orientation = 1 } = await image.metadata();
    const rgb = await image.removeAlpha().toColourspace('srgb').raw().toBuffer();
    const size = { width, height };
    return {
      ...{ width, height, channels, space, format, orientation, problem: null },
      pixels: checks.pixels ? sha256(rgb) : null,
      appearance: checks.appearance ? await measureAppearance(rgb, size) : null,
      hash:
        minHashContrast === null
          ? null
          : await perceptualHash(rgb, { ...size, orientation, minContrast: minHashContrast }),
    };
  } catch (error) {
    const problem = messageOf(error);
    // libvips keeps one error buffer for all threads: another thread may have taken this one's message.
    if (problem === 'Unknown error' && !isRetry) return inspectImage(file, checks, true);
    return { ...UNREADABLE, problem };
  }
}
