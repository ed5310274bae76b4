import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { BoxYxyx } from '../../src/boxes.js';
import { readDataset } from '../../src/data/readers/index.js';
import { writeVoc } from '../../src/formats/voc-xml.js';
import { cutTiles, type TileOptions } from '../../src/cli/demo-data.js';
import { drawImage, findRectangle, temporaryFolder } from '../data/scene.js';

const SIZE = { width: 100, height: 70 };

async function writeImage(rectangle: BoxYxyx): Promise<TileOptions & { root: string }> {
  const root = await temporaryFolder();
  const [image, annotation] = [join(root, 'large.png'), join(root, 'large.xml')];
  await drawImage({ ...SIZE, rectangle })
    .png()
    .toFile(image);
  const box = { box: rectangle, label: 'tree & bush', crowd: false, difficult: false };
  await writeFile(annotation, writeVoc({ filename: 'large.png', ...SIZE, boxes: [box] }));
  return { root, image, annotation, outFolder: join(root, 'a/tiles'), tilePx: 32, stridePx: 16 };
}

describe('cutTiles', () => {
  it('keeps the tiles that hold more than half of a box, and the box where it is drawn', async () => {
    const { outFolder, ...options } = await writeImage([20, 40, 36, 60]);
    await cutTiles({ ...options, outFolder });
    const { format, samples } = await readDataset(outFolder, 'auto');
    expect(format).toBe('voc');
    // Rows at 0, 16, 32, columns at 0 … 64: at row 0, 12 of 16 rows are inside; at row 32 only 4.
    expect(samples.map(({ id }) => id)).toEqual(
      ['tile-00000-00032', 'tile-00000-00048', 'tile-00016-00032', 'tile-00016-00048'].filter(
        id => id !== 'tile-00000-00048',
      ),
    ); // 12/16 · 12/20 = .45
    for (const { image, boxes } of samples) {
      const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: 32, height: 32 });
      expect(boxes.map(({ label }) => label)).toEqual(['tree & bush']);
      expect(findRectangle(data, info)).toEqual(boxes[0]!.box);
    }
  });

  it('leaves no part of itself behind, and does nothing the second time', async () => {
    const { root, ...options } = await writeImage([20, 40, 36, 60]);
    await cutTiles(options);
    expect((await readdir(join(root, 'a'))).sort()).toEqual(['tiles']);
    const { mtimeMs } = await stat(options.outFolder);
    await cutTiles({ ...options, image: '/gone.png' });
    expect((await stat(options.outFolder)).mtimeMs).toBe(mtimeMs);
  });

  it('gives the same bytes each time', async () => {
    const options = await writeImage([20, 40, 36, 60]);
    const second = { ...options, outFolder: join(options.root, 'b') };
    await Promise.all([cutTiles(options), cutTiles(second)]);
    for (const name of await readdir(options.outFolder))
      expect(await readFile(join(second.outFolder, name))).toEqual(
        await readFile(join(options.outFolder, name)),
      );
  });

  it('leaves nothing behind when a file cannot be read', async () => {
    const { root, ...options } = await writeImage([20, 40, 36, 60]);
    await writeFile(options.annotation, '<annotation>');
    await expect(cutTiles(options)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
    await expect(cutTiles({ ...options, annotation: join(root, 'no.xml') })).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
    });
    expect((await readdir(root)).sort()).toEqual(['large.png', 'large.xml']);
  });
});
