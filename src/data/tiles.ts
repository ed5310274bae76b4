import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { boxArea, type BoxYxyx, intersect } from '../boxes.js';
import type { LabelledBox } from './dataset.js';
import { parseAnnotation } from './readers/voc.js';

export interface TileOptions {
  readonly picture: string;
  /** Its Pascal VOC file. */
  readonly annotation: string;
  readonly outFolder: string;
  readonly tilePx: number;
  readonly stridePx: number;
}

/** A box belongs to a tile when more than this share of it lies inside. */
const MIN_SHARE = 0.5;

/** Cuts a large labelled picture into overlapping tiles, written as a Pascal VOC data set; tiles without a box are left out. */
export async function cutTiles({
  picture,
  annotation,
  outFolder,
  tilePx,
  stridePx,
}: TileOptions): Promise<void> {
  if (await stat(outFolder).catch(() => null)) return;
  const { boxes } = parseAnnotation(await readFile(annotation, 'utf8'));
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const partial = `${outFolder}.partial-${process.pid}`;
  await mkdir(partial, { recursive: true });
  try {
    for (let top = 0; top + tilePx <= info.height; top += stridePx)
      for (let left = 0; left + tilePx <= info.width; left += stridePx) {
        const inside = boxesInside(boxes, [top, left, top + tilePx, left + tilePx]);
        if (inside.length === 0) continue;
        const name = `tile-${String(top).padStart(5, '0')}-${String(left).padStart(5, '0')}`;
        const raw = sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } });
        await raw
          .extract({ left, top, width: tilePx, height: tilePx })
          .png()
          .toFile(join(partial, `${name}.png`));
        await writeFile(join(partial, `${name}.xml`), vocXml(inside, { name, tilePx }));
      }
    await rename(partial, outFolder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function boxesInside(boxes: readonly LabelledBox[], tile: BoxYxyx): LabelledBox[] {
  return boxes
    .map(labelled => ({ labelled, inside: intersect(labelled.box, tile) }))
    .filter(({ labelled, inside }) => boxArea(inside) > MIN_SHARE * boxArea(labelled.box))
    .map(({ labelled, inside: [y0, x0, y1, x1] }) => ({
      ...labelled,
      box: [y0 - tile[0], x0 - tile[1], y1 - tile[0], x1 - tile[1]],
    }));
}

function vocXml(boxes: readonly LabelledBox[], { name, tilePx }: { name: string; tilePx: number }): string {
  const objects = boxes.map(
    ({ label, box: [y0, x0, y1, x1] }) =>
      `  <object><name>${label}</name><bndbox><xmin>${x0}</xmin><ymin>${y0}</ymin><xmax>${x1}</xmax><ymax>${y1}</ymax></bndbox></object>`,
  );
  const size = `<size><width>${tilePx}</width><height>${tilePx}</height><depth>3</depth></size>`;
  return `<annotation>\n  <filename>${name}.png</filename>${size}\n${objects.join('\n')}\n</annotation>\n`;
}
