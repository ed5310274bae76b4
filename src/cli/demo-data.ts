import { join } from 'node:path';
import { cutTiles } from '../data/tiles.js';

/** Small crops at their native size learn fastest per second. */
const TILE_PX = 128;

/** Two places of one survey: what is learned in the first is measured in the second. */
const SPLITS = [
  { split: 'train', picture: '2019_YELL_2_528000_4978000_image_crop2', stridePx: 96 },
  { split: 'eval', picture: '2019_YELL_2_541000_4977000_image_crop', stridePx: TILE_PX },
] as const;

/** Cuts the demo's pictures into two Pascal VOC data sets, once. @param pictures folder with pictures and labels */
export async function cutDemoData(
  pictures: string,
  folder: string,
): Promise<{ train: string; eval: string }> {
  for (const { split, picture, stridePx } of SPLITS)
    await cutTiles({
      picture: join(pictures, `${picture}.png`),
      annotation: join(pictures, `${picture}.xml`),
      outFolder: join(folder, split),
      tilePx: TILE_PX,
      stridePx,
    });
  return { train: join(folder, 'train'), eval: join(folder, 'eval') };
}
