import sharp from 'sharp';
import type { BoxYxyx } from '../boxes.js';

export interface DrawnBox {
  readonly box: BoxYxyx;
  readonly label: string;
  readonly colour: string;
}

export const TRUTH_COLOUR = '#22c55e';
export const DETECTION_COLOUR = '#f97316';

/** Small pictures are enlarged, so that lines and letters stay readable. */
const MIN_SIDE_PX = 384;

const escape = (text: string): string =>
  text.replace(/[&<>]/g, character => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]!);

/** A picture with boxes, as PNG. */
export async function drawBoxes(image: string, boxes: readonly DrawnBox[]): Promise<Buffer> {
  const upright = await sharp(image).autoOrient().toBuffer({ resolveWithObject: true });
  const { width, height } = upright.info;
  const zoom = Math.max(1, Math.ceil(MIN_SIDE_PX / Math.min(width, height)));
  const [fullWidth, fullHeight] = [width * zoom, height * zoom];
  const font = Math.max(11, Math.round(Math.min(fullWidth, fullHeight) / 36));
  const shapes = boxes.map(({ box, label, colour }) => {
    const [ymin, xmin, ymax, xmax] = box.map(corner => corner * zoom) as [number, number, number, number];
    const plate = label
      ? `<rect x="${xmin}" y="${Math.max(0, ymin - font - 2)}" width="${label.length * font * 0.6 + 4}" height="${font + 3}" fill="${colour}"/>
<text x="${xmin + 2}" y="${Math.max(font, ymin - 2)}" font-family="sans-serif" font-size="${font}" fill="#000">${escape(label)}</text>`
      : '';
    return `<rect x="${xmin}" y="${ymin}" width="${xmax - xmin}" height="${ymax - ymin}" fill="none" stroke="${colour}" stroke-width="2"/>${plate}`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth}" height="${fullHeight}">${shapes.join('')}</svg>`;
  const base = sharp(upright.data).resize(fullWidth, fullHeight, { kernel: zoom > 1 ? 'cubic' : 'nearest' });
  return base
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
}

/** Pictures side by side on one sheet, as PNG. */
export async function contactSheet(pictures: readonly Buffer[], columns: number): Promise<Buffer> {
  const [tile, gap] = [384, 8];
  const rows = Math.ceil(pictures.length / columns);
  const tiles = await Promise.all(
    pictures.map(picture =>
      sharp(picture).resize(tile, tile, { fit: 'contain', background: '#111' }).toBuffer(),
    ),
  );
  const size = (count: number): number => count * (tile + gap) + gap;
  const sheet = sharp({
    create: { width: size(columns), height: size(rows), channels: 3, background: '#111' },
  });
  const place = (i: number): { left: number; top: number } => ({
    left: size(i % columns),
    top: size(Math.floor(i / columns)),
  });
  return sheet
    .composite(tiles.map((input, i) => ({ input, ...place(i) })))
    .png()
    .toBuffer();
}
