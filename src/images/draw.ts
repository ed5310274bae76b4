import sharp from 'sharp';
import type { BoxYxyx } from '../boxes.js';
import type { Size } from './decode.js';
import { element, escapeXml, svgDocument, text } from './svg.js';

export interface DrawnBox {
  /** In pixels of the upright image. */
  readonly box: BoxYxyx;
  /** An empty label is not drawn. */
  readonly label: string;
  readonly colour: string;
}

export const TRUTH_COLOUR = '#22c55e';
export const DETECTION_COLOUR = '#f97316';

/** Smaller images are enlarged, so that frames and letters stay readable. */
const MIN_SIDE_PX = 384;
const GAP_PX = 10;
const CAPTION_PX = 26;
const TILE_PX = 400;
const SHEET_COLOUR = '#15171c';

/**
 * Draws boxes on an image. @returns a PNG
 * @param lineWidth of the frames in pixels; by default it follows the size of the image
 */
export async function drawBoxes(
  image: string | Buffer,
  boxes: readonly DrawnBox[],
  lineWidth?: number,
): Promise<Buffer> {
  const upright = await sharp(image).autoOrient().removeAlpha().png().toBuffer({ resolveWithObject: true });
  const zoom = Math.max(1, Math.ceil(MIN_SIDE_PX / Math.min(upright.info.width, upright.info.height)));
  const [width, height] = [upright.info.width * zoom, upright.info.height * zoom];
  const font = clamp(Math.min(width, height) / 32, [12, 32]);
  const canvas: Canvas = { width, height, font, lineWidth: lineWidth ?? Math.max(1.5, font / 8) };
  const scaled = boxes.map(({ box, ...rest }) => ({ ...rest, box: scaleBox(box, zoom) }));
  // All labels follow all frames, so that no frame is drawn across a label.
  const shapes = [...scaled.map(one => frame(one, canvas)), ...scaled.map(one => label(one, canvas))];
  return sharp(upright.data)
    .resize(width, height, { kernel: 'cubic' })
    .composite([{ input: Buffer.from(svgDocument(canvas, shapes)) }])
    .png()
    .toBuffer();
}

interface Canvas extends Size {
  /** In pixels. */
  readonly font: number;
  readonly lineWidth: number;
}

const clamp = (value: number, [low, high]: readonly [number, number]): number =>
  Math.min(high, Math.max(low, value));

const scaleBox = ([ymin, xmin, ymax, xmax]: BoxYxyx, zoom: number): BoxYxyx => [
  ymin * zoom,
  xmin * zoom,
  ymax * zoom,
  xmax * zoom,
];

/** A coloured line inside a wider dark one, visible on bright and on dark images. */
function frame({ box: [ymin, xmin, ymax, xmax], colour }: DrawnBox, { lineWidth }: Canvas): string {
  const place = { x: xmin, y: ymin, width: xmax - xmin, height: ymax - ymin, fill: 'none' };
  return (
    element('rect', { ...place, stroke: '#000', 'stroke-opacity': 0.45, 'stroke-width': lineWidth + 2 }) +
    element('rect', { ...place, stroke: colour, 'stroke-width': lineWidth })
  );
}

/** The label stands above its box, or inside it where there is no room, and never leaves the image. */
function label({ box: [ymin, xmin], label: name, colour }: DrawnBox, canvas: Canvas): string {
  if (name === '') return '';
  const { font } = canvas;
  const [width, height] = [name.length * font * 0.58 + font * 0.5, font * 1.25];
  const x = clamp(xmin - 1, [0, Math.max(0, canvas.width - width)]);
  const y = ymin >= height ? ymin - height : Math.max(0, ymin);
  const letters = {
    x: x + font * 0.25,
    y: y + font * 0.97,
    textLength: width - font * 0.5,
    lengthAdjust: 'spacingAndGlyphs',
    'font-size': font,
    fill: '#111',
  };
  return (
    element('rect', { x, y, width, height, rx: 2, fill: colour, 'fill-opacity': 0.88 }) +
    element('text', letters, escapeXml(name))
  );
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
  const overlay = svgDocument({ width, height }, [...legendRow(legend), ...captions]);
  return sharp({ create: { width, height, channels: 3, background: SHEET_COLOUR } })
    .composite([
      ...tiles.map((input, i) => ({ input, ...place(i) })),
      { input: Buffer.from(overlay), left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
}

const sheetText = (content: string, place: { x: number; y: number }): string =>
  text(content, { ...place, size: 13, fill: '#d4d7dd' });

function legendRow(legend: Readonly<Record<string, string>>): string[] {
  let x = GAP_PX;
  return Object.entries(legend).flatMap(([name, colour]) => {
    const mark = { x, y: 8, width: 11, height: 11, fill: 'none', stroke: colour, 'stroke-width': 2.5 };
    const entry = [element('rect', mark), sheetText(name, { x: x + 18, y: 18 })];
    x += 40 + name.length * 7;
    return entry;
  });
}
