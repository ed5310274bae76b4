import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import { readImage } from '../../src/images/decode.js';
import { placeImage } from '../../src/images/place.js';
import { drawImage, findRectangle, temporaryFolder } from '../data/scene.js';

describe('an image that will be scaled down', () => {
  const SIZE = { width: 960, height: 720 };
  const write = async (format: 'jpeg' | 'png', { orientation = 1, alpha = false } = {}): Promise<string> => {
    const file = join(await temporaryFolder(), `photo.${format}`);
    const image = drawImage({ ...SIZE, rectangle: [180, 240, 480, 600] });
    if (alpha) image.ensureAlpha(0.5);
    await image.withMetadata({ orientation }).toFormat(format).toFile(file);
    return file;
  };

  it.each([
    ['jpeg', 1, 960, 720],
    ['jpeg', 6, 720, 960],
    ['png', 1, 960, 720],
    ['png', 8, 720, 960],
  ] as const)(
    'is decoded in that size: %s, turned by orientation %i',
    async (format, orientation, width, height) => {
      const file = await write(format, { orientation });
      const stored = { width: width / 10, height: height / 10 };
      const scaling = vi.fn(() => stored);
      const image = await readImage(file, scaling);
      expect(scaling).toHaveBeenCalledExactlyOnceWith({ width, height });
      expect(image).toMatchObject({ width, height, stored });
      expect(image.pixels).toHaveLength(stored.width * stored.height * 3);
      const filtered = placeImage(await readImage(file), {
        ...{
          canvas: [stored.height, stored.width],
          scaled: stored,
          offset: [0, 0],
          flip: false,
          gain: [1, 1, 1],
        },
        normalisation: { mean: [0, 0, 0], std: [1, 1, 1] },
      });
      const errors = filtered.map((value, i) => Math.abs(value - image.pixels[i]!));
      // Grey levels, of edges with a contrast of 210.
      expect(Math.max(...errors)).toBeLessThan(20);
      expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.7);
    },
  );

  it.each([
    ['by a factor of 2', 'jpeg', false, 2],
    ['with opacity, which is no weight of colours', 'png', true, 10],
  ] as const)('is decoded as it is %s', async (_, format, alpha, factor) => {
    const { width, height } = SIZE;
    const file = await write(format, { alpha });
    const image = await readImage(file, () => ({ width: width / factor, height: height / factor }));
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
