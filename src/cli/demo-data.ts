import { join } from 'node:path';
import { cutTiles } from '../data/tiles.js';

/**
 * Two images of one survey, one for training and one for evaluation. Training tiles are larger: random crops to the size
 * of the evaluation tiles vary far more than fixed tiles of that size.
 */
const SPLITS = [
  { split: 'train', image: '2019_YELL_2_528000_4978000_image_crop2', tilePx: 256, stridePx: 128 },
  { split: 'eval', image: '2019_YELL_2_541000_4977000_image_crop', tilePx: 128, stridePx: 128 },
] as const;

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
