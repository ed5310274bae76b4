import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { letterbox, placeImage } from '../../src/images/place.js';
import { expectParity, largestError } from '../parity.js';

interface Golden {
  readonly cases: readonly { from: [number, number]; to: [number, number]; values: number[] }[];
}
const readGolden = async (name: string): Promise<Golden> =>
  JSON.parse(await readFile(new URL(`../golden/${name}`, import.meta.url), 'utf8')) as Golden;
const [interpolated, filtered] = await Promise.all(
  ['resize-bilinear.json', 'resize-antialias.json'].map(readGolden),
);

const SAME = [1, 1, 1] as const;
const UNCHANGED = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
const patterned = (height: number, width: number): { pixels: Uint8Array; width: number; height: number } => ({
  pixels: Uint8Array.from({ length: height * width * 3 }, (_, i) => (31 * i + 7) % 256),
  width,
  height,
});

/** The pattern scaled to a size. */
const scale = (from: [number, number], to: [number, number]): Float32Array =>
  placeImage(patterned(...from), {
    canvas: to,
    scaled: { width: to[1], height: to[0] },
    offset: [0, 0],
    flip: false,
    gain: SAME,
    normalisation: UNCHANGED,
  });

describe('placeImage', () => {
  it.each(interpolated!.cases)('scales $from to $to as tf.image.resize does', ({ from, to, values }) => {
    expectParity({
      item: `Bilinear scaling from ${from.join(' × ')} to ${to.join(' × ')}`,
      reference: 'tf.image.resize, TensorFlow',
      cases: values.length,
      error: largestError(scale(from, to), values),
      measure: 'grey levels',
      limit: 1e-3,
    });
  });

  it.each(filtered!.cases)('filters from $from to $to as PIL does', ({ from, to, values }) => {
    expectParity({
      item: `Scaling down from ${from.join(' × ')} to ${to.join(' × ')}`,
      reference: 'BILINEAR resize of PIL',
      cases: values.length,
      error: largestError(scale(from, to), values),
      measure: 'grey levels',
      limit: 1e-3,
    });
  });

  it('interpolates up to a factor of 2, where both ways have the same pixels in view', () => {
    // Of four pixels only one is white: a mean of all, not a choice.
    const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => {
      const [y, x] = [Math.floor(i / 24), Math.floor(i / 3) % 8];
      return y % 2 === 0 && x % 2 === 0 ? 240 : 0;
    });
    const placed = placeImage(
      { pixels, width: 8, height: 8 },
      { canvas: [4, 4], scaled: { width: 4, height: 4 }, offset: [0, 0], flip: false, gain: SAME, normalisation: UNCHANGED }, // prettier-ignore
    );
    expect([...placed]).toEqual(Array<number>(4 * 4 * 3).fill(60));
  });

  it.each([
    ['interpolated', { width: 20, height: 30 }],
    ['filtered', { width: 20, height: 30 }],
  ])('%s: crops as if the whole image had been scaled, and flips before it crops', (way, scaled) => {
    const image = way === 'filtered' ? patterned(97, 71) : patterned(9, 7);
    const options = { scaled, flip: true, gain: SAME, normalisation: UNCHANGED };
    const whole = placeImage(image, { ...options, canvas: [30, 20], offset: [0, 0] });
    const part = placeImage(image, { ...options, canvas: [10, 8], offset: [6, 5] });
    for (let y = 0; y < 10; y++)
      for (let x = 0; x < 8 * 3; x++)
        expect(part[y * 8 * 3 + x]).toBeCloseTo(whole[(y + 6) * 20 * 3 + 5 * 3 + x]!, 4);
  });

  it('filters a flipped image as it flips a filtered one', () => {
    const options = { canvas: [9, 14], scaled: { width: 14, height: 9 }, offset: [0, 0], gain: SAME, normalisation: UNCHANGED } as const; // prettier-ignore
    const [plain, flipped] = [false, true].map(flip => placeImage(patterned(40, 61), { ...options, flip }));
    for (let y = 0; y < 9; y++)
      for (let x = 0; x < 14; x++)
        for (let c = 0; c < 3; c++)
          expect(flipped![(y * 14 + x) * 3 + c]).toBeCloseTo(plain![(y * 14 + 13 - x) * 3 + c]!, 3);
  });

  it('scales an image that was decoded at a reduced scale as a whole', () => {
    const options = { canvas: [8, 8], scaled: { width: 8, height: 6 }, offset: [0, 0], flip: false, gain: SAME, normalisation: UNCHANGED } as const; // prettier-ignore
    const stored = patterned(30, 40);
    const image = { width: 4000, height: 3000, pixels: stored.pixels, stored: { width: 40, height: 30 } };
    expect(placeImage(image, options)).toEqual(placeImage(stored, options));
  });

  it('mirrors when it flips', () => {
    const { pixels, width, height } = patterned(4, 5);
    const options = {
      canvas: [4, 5],
      scaled: { width, height },
      offset: [0, 0],
      gain: SAME,
      normalisation: UNCHANGED,
    } as const;
    const flipped = placeImage({ pixels, width, height }, { ...options, flip: true });
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++)
          expect(flipped[(y * width + x) * 3 + c]).toBe(pixels[(y * width + width - 1 - x) * 3 + c]);
  });

  it('multiplies the channels, and lets none get brighter than white', () => {
    const image = { pixels: Uint8Array.of(10, 20, 200), width: 1, height: 1 };
    const placed = placeImage(image, {
      canvas: [1, 1],
      scaled: { width: 1, height: 1 },
      offset: [0, 0],
      flip: false,
      gain: [0.5, 2, 1.5],
      normalisation: UNCHANGED,
    });
    expect([...placed]).toEqual([5, 40, 255]);
  });

  it('normalises by channel and leaves the rest of the canvas at 0, the mean colour', () => {
    const placed = placeImage(
      { pixels: Uint8Array.of(10, 20, 30), width: 1, height: 1 },
      {
        canvas: [2, 2],
        scaled: { width: 1, height: 1 },
        offset: [0, 0],
        flip: false,
        gain: SAME,
        normalisation: { mean: [4, 2, 0], std: [2, 3, 4] },
      },
    );
    expect([...placed]).toEqual([3, 6, 7.5, ...Array<number>(9).fill(0)]);
  });
});

describe('letterbox', () => {
  it('fits one side exactly and rounds the other down', () => {
    for (let side = 1; side < 700; side++) {
      const tall = letterbox({ width: side, height: 700 }, [512, 512]);
      expect(tall.height).toBe(512);
      expect(tall.width).toBe(Math.max(1, Math.floor((side * 512) / 700)));
      expect(letterbox({ width: side, height: 1 }, [512, 512]).width).toBe(512);
    }
  });

  it('takes the tighter side of a canvas that is no square', () => {
    expect(letterbox({ width: 640, height: 480 }, [256, 512])).toEqual({
      width: 341,
      height: 256,
      scale: [256 / 480, 341 / 640],
    });
  });

  it('has the scale of the rounded sides, so that the scaled image leads back to the whole one', () => {
    for (const [width, height] of [
      [640, 427],
      [333, 1000],
      [5000, 3],
    ] as const) {
      // prettier-ignore
      const { scale: [y, x], ...fitted } = letterbox({ width, height }, [128, 128]); // prettier-ignore
      expect(fitted.height / y).toBeCloseTo(height, 9);
      expect(fitted.width / x).toBeCloseTo(width, 9);
    }
  });
});
