import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { boxArea, type BoxYxyx, intersect } from '../boxes.js';
import { mapConcurrently } from '../concurrency.js';
import { errors } from '../errors/index.js';
import type { LabelledBox } from '../formats/dataset.js';
import { statOf } from '../files/walk.js';
import { type Image, readImage } from '../images/images.js';
import { parseVoc, type VocAnnotation, writeVoc } from '../formats/voc-xml.js';

export interface TileOptions {
  readonly image: string;
  /** Its Pascal VOC file. */
  readonly annotation: string;
  readonly outFolder: string;
  readonly tilePx: number;
  readonly stridePx: number;
}

/** A box belongs to a tile when more than this share of it lies inside. */
const MIN_SHARE = 0.5;

/**
 * Cuts a large labelled image into overlapping tiles, written as a Pascal VOC data set; tiles without a box are left
 * out. The folder appears when it is whole; one that is there already stays as it is.
 */
export async function cutTiles(options: TileOptions): Promise<void> {
  const { outFolder, annotation } = options;
  if (await statOf(outFolder)) return;
  const { boxes } = await readAnnotation(annotation);
  const image = await readImage(options.image);
  const partial = `${outFolder}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await mapConcurrently(placeTiles(image, { ...options, boxes }), tile =>
      writeTile(image, tile, { folder: partial, tilePx: options.tilePx }),
    );
    await rename(partial, outFolder).catch(async error => {
      // Another process was faster: its tiles are the same.
      if (!(await statOf(outFolder))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function readAnnotation(file: string): Promise<VocAnnotation> {
  try {
    return parseVoc(await readFile(file, 'utf8'));
  } catch (cause) {
    throw errors.datasetUnreadable(file, cause);
  }
}

interface Tile {
  readonly top: number;
  readonly left: number;
  /** In pixels of the tile. */
  readonly boxes: readonly LabelledBox[];
}

/** Tiles that hold a box, row by row. */
function placeTiles(
  { width, height }: Image,
  { boxes, tilePx, stridePx }: TileOptions & { boxes: readonly LabelledBox[] },
): Tile[] {
  const tiles: Tile[] = [];
  for (let top = 0; top + tilePx <= height; top += stridePx)
    for (let left = 0; left + tilePx <= width; left += stridePx)
      tiles.push({ top, left, boxes: boxesInside(boxes, [top, left, top + tilePx, left + tilePx]) });
  return tiles.filter(tile => tile.boxes.length > 0);
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

async function writeTile(
  { pixels, width, height }: Image,
  { top, left, boxes }: Tile,
  { folder, tilePx }: { folder: string; tilePx: number },
): Promise<void> {
  const name = `tile-${String(top).padStart(5, '0')}-${String(left).padStart(5, '0')}`;
  const cut = sharp(pixels, { raw: { width, height, channels: 3 } }).extract({
    left,
    top,
    width: tilePx,
    height: tilePx,
  });
  await cut.png().toFile(join(folder, `${name}.png`));
  const xml = writeVoc({ filename: `${name}.png`, width: tilePx, height: tilePx, boxes });
  await writeFile(join(folder, `${name}.xml`), xml);
}
