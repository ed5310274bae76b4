import { basename } from 'node:path';
import sharp from 'sharp';
import type { BoxYxyx } from '../../boxes.js';
import { mapConcurrently } from '../../concurrency.js';
import type { LedgerEntry } from '../../formats/cleaning-report.js';
import { DECODING } from '../../images/decode.js';
import { DETECTION_COLOUR, drawBoxes, type DrawnBox, TRUTH_COLOUR } from '../../images/draw.js';
import { escapeXml } from '../../images/svg.js';

/** The number of images that are shown of those in which a rule found something. */
export const SHOWN_IMAGES = 24;
const SHOWN_REASONS = 4;

const DROPPED_COLOUR = '#ef4444';
export const BOX_LEGEND = {
  'dropped or doubted': DROPPED_COLOUR,
  'before a change, or predicted': DETECTION_COLOUR,
  'after a change, or labelled': TRUTH_COLOUR,
} as const;

interface RuleEntries {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly LedgerEntry[];
}

/** The images in which a rule found something, with the boxes concerned, as HTML. */
export async function renderGallery({ id, title, entries }: RuleEntries): Promise<string> {
  const byFile = new Map<string, LedgerEntry[]>();
  for (const entry of entries) byFile.set(entry.file, [...(byFile.get(entry.file) ?? []), entry]);
  const shown = [...byFile].slice(0, SHOWN_IMAGES);
  const figures = await mapConcurrently(shown, ([file, list]) => figure(file, list));
  const more = byFile.size - shown.length;
  return `<h3>${id} · ${escapeXml(title)} <span class="muted">in ${byFile.size} ${byFile.size === 1 ? 'image' : 'images'}</span></h3>
<div class="images">${figures.join('')}</div>${more > 0 ? `<p class="muted">… and ${more} more; ledger.jsonl lists all of them</p>` : ''}`;
}

async function figure(file: string, entries: readonly LedgerEntry[]): Promise<string> {
  const jpeg = await thumbnail(file, entries.flatMap(boxesToDraw));
  const image = jpeg
    ? `<img alt="" src="data:image/jpeg;base64,${jpeg.toString('base64')}">`
    : '<div class="none">cannot be shown</div>';
  const reasons = [...new Set(entries.map(({ reason }) => reason))].slice(0, SHOWN_REASONS).map(escapeXml);
  return `<figure>${image}<figcaption><b title="${escapeXml(file)}">${escapeXml(basename(file))}</b><br>${reasons.join('<br>')}</figcaption></figure>`;
}

/** The box that a finding concerns, or all boxes of an image that was dropped. */
function boxesToDraw({ rule, action, before, after }: LedgerEntry): DrawnBox[] {
  const drawn = (value: unknown, colour: string): DrawnBox[] =>
    boxesIn(value).map(box => ({ box, label: '', colour }));
  // Only its boxes after the change are in pixels of the upright image.
  if (rule === 'I03') return drawn(after, TRUTH_COLOUR);
  if (rule === 'M01') return [...drawn(before, TRUTH_COLOUR), ...drawn(after, DETECTION_COLOUR)];
  if (action !== 'change') return drawn(before, DROPPED_COLOUR);
  // An image that was scaled has its boxes in other coordinates before and after.
  if (isObject(before) && 'boxes' in before) return [];
  return [...drawn(before, DETECTION_COLOUR), ...drawn(after, TRUTH_COLOUR)];
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The casts rely on how the rules record boxes: as `LabelledBox`, or as a list of them. */
function boxesIn(value: unknown): BoxYxyx[] {
  if (!isObject(value)) return [];
  if ('box' in value) return [value.box as BoxYxyx];
  return 'boxes' in value ? (value.boxes as { box: BoxYxyx }[]).map(({ box }) => box) : [];
}

/** The boxes are drawn at this size; the result is then reduced. */
const DRAWN_PX = 480;
const SHOWN_PX = 240;
const LINE_PX = 4;

/** A small upright JPEG with boxes, which are given in pixels of the upright image; null: the image cannot be decoded. */
async function thumbnail(file: string, boxes: readonly DrawnBox[]): Promise<Buffer | null> {
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
    const drawn = await drawBoxes(data, scaleBoxes(boxes, info.width / width), LINE_PX);
    return await sharp(drawn)
      .resize(SHOWN_PX, SHOWN_PX, { fit: 'inside' })
      .jpeg({ quality: 75, chromaSubsampling: '4:4:4' })
      .toBuffer();
  } catch {
    return null; // the ledger has the reason
  }
}

/** Puts corners in order and widens empty boxes, so that broken boxes are visible; boxes that lack a corner are left out. */
function scaleBoxes(boxes: readonly DrawnBox[], scale: number): DrawnBox[] {
  return boxes
    .filter(({ box }) => box.every(Number.isFinite))
    .map(({ box: [y0, x0, y1, x1], ...rest }) => {
      const [top, bottom] = visibleSpan(y0 * scale, y1 * scale);
      const [left, right] = visibleSpan(x0 * scale, x1 * scale);
      return { ...rest, box: [top, left, bottom, right] };
    });
}

const visibleSpan = (a: number, b: number): readonly [number, number] => [
  Math.min(a, b),
  Math.max(a, b, Math.min(a, b) + LINE_PX),
];
