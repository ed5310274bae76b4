import sharp from 'sharp';
import { messageOf } from '../../errors.js';
import { DECODING } from '../pictures.js';

/** What cleaning needs to know of a stored picture. */
export interface PictureFacts {
  /** As stored, before any EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly space: string;
  /** EXIF: 1 is upright. */
  readonly orientation: number;
  /** Why it cannot be decoded. */
  readonly problem: string | null;
}

const UNREADABLE = { width: 0, height: 0, channels: 0, space: '', orientation: 1 };

/** Decodes the whole picture: a header alone does not show that the end is missing. */
export async function inspectPicture(file: string, isLast = false): Promise<PictureFacts> {
  try {
    const image = sharp(file, DECODING);
    const { width, height, channels, space, orientation = 1 } = await image.metadata();
    await image.raw().toBuffer();
    return { width, height, channels, space, orientation, problem: null };
  } catch (error) {
    const problem = messageOf(error);
    // The decoder keeps one message for all its threads: another may have taken this one's.
    if (problem === 'Unknown error' && !isLast) return inspectPicture(file, true);
    return { ...UNREADABLE, problem };
  }
}

/** Writes a picture upright and in RGB. */
export async function rewritePicture(from: string, to: string): Promise<void> {
  const upright = sharp(from, DECODING).autoOrient().removeAlpha().toColourspace('srgb');
  await (
    to.endsWith('.png') ? upright.png() : upright.jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
  ).toFile(to);
}
