import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import { type Image, readImage } from '../../src/images/decode.js';
import { drawImage, findRectangle, temporaryFolder } from '../data/scene.js';

/** The mean of each block of pixels, per channel. */
function blockMeans({ pixels, width, height }: Image, side: number): number[] {
  const [columns, rows] = [width / side, height / side];
  const sums = Array<number>(columns * rows * 3).fill(0);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        sums[(Math.floor(y / side) * columns + Math.floor(x / side)) * 3 + c]! +=
          pixels[(y * width + x) * 3 + c]!;
  return sums.map(sum => sum / side ** 2);
}

describe('a JPEG that will be scaled down', () => {
  const SIZE = { width: 960, height: 720 };
  const write = async (format: 'jpeg' | 'png', orientation = 1): Promise<string> => {
    const file = join(await temporaryFolder(), `photo.${format}`);
    const image = drawImage({ ...SIZE, rectangle: [180, 240, 480, 600] });
    await image.withMetadata({ orientation }).toFormat(format).toFile(file);
    return file;
  };

  it.each([
    [1, 960, 720],
    [6, 720, 960],
  ])('is decoded at a reduced scale, turned by orientation %i', async (orientation, width, height) => {
    const file = await write('jpeg', orientation);
    const scaling = vi.fn(() => ({ width: width / 10, height: height / 10 }));
    const image = await readImage(file, scaling);
    expect(scaling).toHaveBeenCalledExactlyOnceWith({ width, height });
    // A quarter per side: more than twice what is needed.
    expect(image).toMatchObject({ width, height, stored: { width: width / 4, height: height / 4 } });
    expect(image.pixels).toHaveLength((width / 4) * (height / 4) * 3);
    const means = blockMeans({ pixels: image.pixels, width: width / 4, height: height / 4 }, 15);
    const whole = blockMeans(await readImage(file), 60);
    means.forEach((mean, i) => expect(Math.abs(mean - whole[i]!)).toBeLessThan(4));
  });

  it.each([
    ['where less than four times as many pixels are left', 'jpeg', 4],
    ['where it is no JPEG', 'png', 10],
  ] as const)('is decoded as it is %s', async (_, format, factor) => {
    const { width, height } = SIZE;
    const image = await readImage(await write(format), () => ({
      width: width / factor,
      height: height / factor,
    }));
    expect(image).toMatchObject(SIZE);
    expect(image).not.toHaveProperty('stored');
    expect(image.pixels).toHaveLength(width * height * 3);
  });
});

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
