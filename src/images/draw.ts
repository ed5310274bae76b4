import sharp from 'sharp';
import type { BoxYxyx } from '../boxes.js';

export interface DrawnBox {
  /** In pixels of the upright image. */
  readonly box: BoxYxyx;
  /** Empty: only the frame is drawn. */
  readonly label: string;
  readonly colour: string;
}

export const TRUTH_COLOUR = '#22c55e';
export const DETECTION_COLOUR = '#f97316';

/** Small images are enlarged at least to this, so that frames and letters stay readable. */
const MIN_SIDE_PX = 384;
const GAP_PX = 10;
const CAPTION_PX = 26;
const TILE_PX = 400;
const SHEET_COLOUR = '#15171c';

export const escapeXml = (text: string): string => text.replace(/[&<>"]/g, character => ENTITIES[character]!);
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** An image with boxes, as PNG. @param line width of the frames in pixels, where not by the size of the image */
export async function drawBoxes(
  image: string | Buffer,
  boxes: readonly DrawnBox[],
  line?: number,
): Promise<Buffer> {
  const upright = await sharp(image).autoOrient().removeAlpha().png().toBuffer({ resolveWithObject: true });
  const zoom = Math.max(1, Math.ceil(MIN_SIDE_PX / Math.min(upright.info.width, upright.info.height)));
  const [width, height] = [upright.info.width * zoom, upright.info.height * zoom];
  const font = clamp(Math.min(width, height) / 32, [12, 32]);
  const canvas: Canvas = { width, height, font, line: line ?? Math.max(1.5, font / 8) };
  const scaled = boxes.map(({ box, ...rest }) => ({ ...rest, box: scaleBox(box, zoom) }));
  // Labels above all frames: no frame may strike a label through.
  const shapes = [...scaled.map(one => frame(one, canvas)), ...scaled.map(one => label(one, canvas))].join(
    '',
  );
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes}</svg>`;
  return sharp(upright.data)
    .resize(width, height, { kernel: 'cubic' })
    .composite([{ input: Buffer.from(overlay) }])
    .png()
    .toBuffer();
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly font: number;
  readonly line: number;
}

const clamp = (value: number, [low, high]: readonly [number, number]): number =>
  Math.min(high, Math.max(low, value));

const scaleBox = ([ymin, xmin, ymax, xmax]: BoxYxyx, zoom: number): BoxYxyx => [
  ymin * zoom,
  xmin * zoom,
  ymax * zoom,
  xmax * zoom,
];

/** A coloured line with a dark one around it: seen on bright and dark ground. */
function frame({ box: [ymin, xmin, ymax, xmax], colour }: DrawnBox, { line }: Canvas): string {
  const at = `x="${xmin}" y="${ymin}" width="${xmax - xmin}" height="${ymax - ymin}" fill="none"`;
  return `<rect ${at} stroke="#000" stroke-opacity=".45" stroke-width="${line + 2}"/><rect ${at} stroke="${colour}" stroke-width="${line}"/>`;
}

/** Above its box, or inside where there is no room; never off the image. */
function label({ box: [ymin, xmin], label: text, colour }: DrawnBox, { width, font }: Canvas): string {
  if (text === '') return '';
  const [wide, high] = [text.length * font * 0.58 + font * 0.5, font * 1.25];
  const x = clamp(xmin - 1, [0, Math.max(0, width - wide)]);
  const y = ymin >= high ? ymin - high : Math.max(0, ymin);
  return `<rect x="${x}" y="${y}" width="${wide}" height="${high}" rx="2" fill="${colour}" fill-opacity=".88"/><text x="${x + font * 0.25}" y="${y + font * 0.97}" textLength="${wide - font * 0.5}" lengthAdjust="spacingAndGlyphs" font-family="sans-serif" font-size="${font}" fill="#111">${escapeXml(text)}</text>`;
}

export interface SheetImage {
  readonly image: Buffer;
  readonly caption: string;
}

/** Images side by side on one sheet with a legend of the colours, as PNG. */
export async function contactSheet(
  images: readonly SheetImage[],
  { columns, legend }: { columns: number; legend: Readonly<Record<string, string>> },
): Promise<Buffer> {
  const rows = Math.ceil(images.length / columns);
  const place = (i: number): { left: number; top: number } => ({
    left: GAP_PX + (i % columns) * (TILE_PX + GAP_PX),
    top: CAPTION_PX + Math.floor(i / columns) * (TILE_PX + CAPTION_PX),
  });
  const tiles = await Promise.all(
    images.map(({ image }) =>
      sharp(image).resize(TILE_PX, TILE_PX, { fit: 'contain', background: SHEET_COLOUR }).toBuffer(),
    ),
  );
  const width = GAP_PX + columns * (TILE_PX + GAP_PX);
  const height = CAPTION_PX + rows * (TILE_PX + CAPTION_PX);
  const captions = images.map(({ caption }, i) => {
    const { left, top } = place(i);
    return sheetText(caption, { x: left, y: top + TILE_PX + 17 });
  });
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${legendRow(legend)}${captions.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: SHEET_COLOUR } })
    .composite([
      ...tiles.map((input, i) => ({ input, ...place(i) })),
      { input: Buffer.from(overlay), left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
}

const sheetText = (text: string, { x, y }: { x: number; y: number }): string =>
  `<text x="${x}" y="${y}" font-family="sans-serif" font-size="13" fill="#d4d7dd">${escapeXml(text)}</text>`;

function legendRow(legend: Readonly<Record<string, string>>): string {
  let x = GAP_PX;
  return Object.entries(legend)
    .map(([name, colour]) => {
      const mark = `<rect x="${x}" y="8" width="11" height="11" fill="none" stroke="${colour}" stroke-width="2.5"/>${sheetText(name, { x: x + 18, y: 18 })}`;
      x += 40 + name.length * 7;
      return mark;
    })
    .join('');
}
