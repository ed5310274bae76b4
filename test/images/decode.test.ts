import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readImage } from '../../src/images/decode.js';
import { drawImage, findRectangle, temporaryFolder } from '../data/scene.js';

describe('readImage', () => {
  it('gives RGB, upright', async () => {
    const file = join(await temporaryFolder(), 'turned.png');
    const drawn = drawImage({ width: 30, height: 20, rectangle: [0, 0, 5, 10] });
    await drawn.withMetadata({ orientation: 6 }).toFile(file);
    const image = await readImage(file);
    expect(image).toMatchObject({ width: 20, height: 30 });
    expect(findRectangle(image.pixels, image)).toEqual([0, 15, 10, 20]);
  });

  it.each(['b-w', 'rgb16', 'cmyk'])('gives three channels of a byte from %s', async space => {
    const file = join(await temporaryFolder(), space === 'cmyk' ? 'a.jpg' : 'a.png');
    await sharp(await drawImage({ width: 4, height: 3 }).toColourspace(space).toFormat(space === 'cmyk' ? 'jpeg' : 'png').toBuffer()).toColourspace(space).toFile(file); // prettier-ignore
    expect((await readImage(file)).pixels).toHaveLength(4 * 3 * 3);
  });

  it('leaves transparency out, as TensorFlow does', async () => {
    const file = join(await temporaryFolder(), 'a.png');
    const background = { r: 200, g: 100, b: 50, alpha: 0 };
    await sharp({ create: { width: 1, height: 1, channels: 4, background } }).toFile(file);
    expect([...(await readImage(file)).pixels]).toEqual([200, 100, 50]);
  });

  it('names a file that is no image', async () => {
    const file = join(await temporaryFolder(), 'a.png');
    await writeFile(file, 'no');
    await expect(readImage(file)).rejects.toMatchObject({
      code: 'DATA_IMAGE_UNREADABLE',
      message: expect.stringContaining(`${file}: `) as string,
    });
  });
});
