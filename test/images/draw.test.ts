import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { contactSheet, DETECTION_COLOUR, drawBoxes, TRUTH_COLOUR } from '../../src/images/draw.js';

const grey = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#808080' } })
    .png()
    .toBuffer();

type Rgb = readonly [number, number, number];
const rgbOf = (hex: string): Rgb =>
  [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb; // three channels

async function pixelAt(image: Buffer, x: number, y: number): Promise<Rgb> {
  const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true });
  const at = (y * info.width + x) * info.channels;
  return [data[at]!, data[at + 1]!, data[at + 2]!];
}

const distance = (a: Rgb, b: Rgb): number => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('images with boxes', () => {
  it('enlarge small images and put each frame on the border of its box, in its colour', async () => {
    const drawn = await drawBoxes(await grey(128, 128), [
      { box: [10, 20, 60, 70], label: '', colour: TRUTH_COLOUR },
      { box: [70, 80, 110, 120], label: 'tree 0.91', colour: DETECTION_COLOUR },
    ]);
    expect(await sharp(drawn).metadata()).toMatchObject({ width: 384, height: 384 });
    expect(distance(await pixelAt(drawn, 20 * 3, 35 * 3), rgbOf(TRUTH_COLOUR))).toBeLessThan(70);
    expect(distance(await pixelAt(drawn, 100 * 3, 110 * 3), rgbOf(DETECTION_COLOUR))).toBeLessThan(70);
    // Inside and outside nothing is changed.
    expect(await pixelAt(drawn, 45 * 3, 35 * 3)).toEqual([128, 128, 128]);
    expect(await pixelAt(drawn, 5, 370)).toEqual([128, 128, 128]);
  });

  it('leave large images at their size and keep labels on the image', async () => {
    const corner = {
      box: [0, 1180, 40, 1200] as const,
      label: 'a <long> & "odd" name 0.50',
      colour: DETECTION_COLOUR,
    };
    const drawn = await drawBoxes(await grey(1200, 800), [corner]);
    expect(await sharp(drawn).metadata()).toMatchObject({ width: 1200, height: 800 });
    // The label begins left of its box, so that it ends on the image.
    expect(distance(await pixelAt(drawn, 1000, 3), [128, 128, 128])).toBeGreaterThan(40);
  });

  it('fit side by side on a sheet', async () => {
    const image = await drawBoxes(await grey(64, 128), []);
    const sheet = await contactSheet(
      Array.from({ length: 4 }, (_, i) => ({ image, caption: `image ${i}` })),
      { columns: 3, legend: { labelled: TRUTH_COLOUR } },
    );
    const { width, height } = await sharp(sheet).metadata();
    expect(width).toBeGreaterThan(3 * 400);
    expect(height).toBeGreaterThan(2 * 400);
    expect(await pixelAt(sheet, 10 + 200, 26 + 200)).toEqual([128, 128, 128]);
  });
});
