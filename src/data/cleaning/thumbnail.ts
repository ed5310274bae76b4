import sharp from 'sharp';
import { drawBoxes, type DrawnBox } from '../../images/draw.js';
import { DECODING } from '../../images/decode.js';

/** Boxes are drawn at this size, and the result is then made smaller. */
const DRAWN_PX = 480;
const SHOWN_PX = 240;
const LINE_PX = 4;

/** A small upright JPEG with boxes, given in pixels of the upright image; null: it cannot be decoded. */
export async function thumbnail(file: string, boxes: readonly DrawnBox[]): Promise<Buffer | null> {
  try {
    const image = sharp(file, DECODING);
    const { width } = (await image.metadata()).autoOrient;
    const { data, info } = await image
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .resize(DRAWN_PX, DRAWN_PX, { fit: 'inside', withoutEnlargement: true })
      .png()
      .toBuffer({ resolveWithObject: true });
    const drawn = await drawBoxes(data, scaled(boxes, info.width / width), LINE_PX);
    return await sharp(drawn)
      .resize(SHOWN_PX, SHOWN_PX, { fit: 'inside' })
      .jpeg({ quality: 75, chromaSubsampling: '4:4:4' })
      .toBuffer();
  } catch {
    return null; // the ledger says why
  }
}

/** Corners in order and never without area, so that broken boxes are seen; one without a corner has no place. */
function scaled(boxes: readonly DrawnBox[], scale: number): DrawnBox[] {
  return boxes
    .filter(({ box }) => box.every(Number.isFinite))
    .map(({ box: [y0, x0, y1, x1], ...rest }) => {
      const [top, bottom] = visible(y0 * scale, y1 * scale);
      const [left, right] = visible(x0 * scale, x1 * scale);
      return { ...rest, box: [top, left, bottom, right] };
    });
}

const visible = (a: number, b: number): readonly [number, number] => [
  Math.min(a, b),
  Math.max(a, b, Math.min(a, b) + LINE_PX),
];
