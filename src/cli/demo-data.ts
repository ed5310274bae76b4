import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { boxArea, type BoxYxyx, intersect } from '../boxes.js';
import { mapConcurrently } from '../concurrency.js';
import type { LabelledBox } from '../boxes.js';
import { parseVoc, type VocAnnotation, writeVoc } from '../formats/voc-xml.js';
import { errors } from '../errors/index.js';
import { createAtomically } from '../files/atomic.js';
import { subfolder } from '../files/temporary-folder.js';
import { exists } from '../files/walk.js';
import { type Image, readImage } from '../images/decode.js';

/**
 * Two images of one survey, one for training and one for evaluation. Training tiles are larger: random crops to the size
 * of the evaluation tiles vary far more than fixed tiles of that size.
 */
const SPLITS = [
  { split: 'train', image: '2019_YELL_2_528000_4978000_image_crop2', tilePx: 256, stridePx: 128 },
  { split: 'eval', image: '2019_YELL_2_541000_4977000_image_crop', tilePx: 128, stridePx: 128 },
] as const;

/** A box belongs to a tile when more than this share of its area lies inside. */
const MIN_SHARE_INSIDE = 0.5;

/** Cuts the demo's images into two Pascal VOC data sets, once. @param images folder with images and labels */
/** Cuts the demo's images into two Pascal VOC data sets unless they exist. @param images folder with images and labels */
export async function cutDemoData(images: string, folder: string): Promise<{ train: string; eval: string }> {
  const folderOf = ({ split, tilePx, stridePx }: (typeof SPLITS)[number]): string =>
    join(folder, `${split}-${tilePx}px-every-${stridePx}px`);
  for (const source of SPLITS)
    await cutTiles({
      image: join(images, `${source.image}.png`),
      annotation: join(images, `${source.image}.xml`),
      outFolder: folderOf(source),
      tilePx: source.tilePx,
      stridePx: source.stridePx,
    });
  return { train: folderOf(SPLITS[0]), eval: folderOf(SPLITS[1]) };
}

export interface TileOptions {
  readonly image: string;
  /** The Pascal VOC file of the image. */
  readonly annotation: string;
  readonly outFolder: string;
  readonly tilePx: number;
  readonly stridePx: number;
}

/**
 * Cuts a large labelled image into overlapping tiles, written as a Pascal VOC data set; tiles without a box are left
 * out. The folder appears only when it is complete, and an existing one is kept as it is.
 */
export async function cutTiles(options: TileOptions): Promise<void> {
  const { outFolder, annotation } = options;
  const isThere = (): Promise<boolean> => exists(outFolder);
  if (await isThere()) return;
  const { boxes } = await readAnnotation(annotation);
  const image = await readImage(options.image);
  await createAtomically(outFolder, {
    isThere,
    make: async temporary => {
      const folder = await subfolder(temporary, 'tiles');
      await mapConcurrently(placeTiles(image, { ...options, boxes }), tile =>
        writeTile(image, tile, { folder, tilePx: options.tilePx }),
      );
      return folder;
    },
  });
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

/** The tiles that hold a box, row by row. */
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
    .filter(({ labelled, inside }) => boxArea(inside) > MIN_SHARE_INSIDE * boxArea(labelled.box))
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
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .extract({ left, top, width: tilePx, height: tilePx })
    .png()
    .toFile(join(folder, `${name}.png`));
  const xml = writeVoc({ filename: `${name}.png`, width: tilePx, height: tilePx, boxes });
  await writeFile(join(folder, `${name}.xml`), xml);
}
