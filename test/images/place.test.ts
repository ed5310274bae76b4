import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { letterbox, placeImage } from '../../src/images/place.js';
import { expectParity, largestError } from '../parity.js';

interface Golden {
  readonly cases: readonly { from: [number, number]; to: [number, number]; values: number[] }[];
}
const golden = JSON.parse(
  await readFile(new URL('../golden/resize-bilinear.json', import.meta.url), 'utf8'),
) as Golden;

const SAME = [1, 1, 1] as const;
const UNCHANGED = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
const patterned = (height: number, width: number): { pixels: Uint8Array; width: number; height: number } => ({
  pixels: Uint8Array.from({ length: height * width * 3 }, (_, i) => (31 * i + 7) % 256),
  width,
  height,
});

describe('placeImage', () => {
  it.each(golden.cases)('scales $from to $to as tf.image.resize does', ({ from, to, values }) => {
    const [height, width] = to;
    const placed = placeImage(patterned(...from), {
      canvas: to,
      scaled: { width, height },
      offset: [0, 0],
      flip: false,
      gain: SAME,
      normalisation: UNCHANGED,
    });
    expectParity({
      item: `Bilinear scaling from ${from.join(' × ')} to ${to.join(' × ')}`,
      reference: 'tf.image.resize, TensorFlow',
      cases: values.length,
      error: largestError(placed, values),
      measure: 'grey levels',
      limit: 1e-3,
    });
  });

  it('crops as if the whole image had been scaled, and flips before it crops', () => {
    const image = patterned(9, 7);
    const options = { scaled: { width: 20, height: 30 }, flip: true, gain: SAME, normalisation: UNCHANGED };
    const whole = placeImage(image, { ...options, canvas: [30, 20], offset: [0, 0] });
    const part = placeImage(image, { ...options, canvas: [10, 8], offset: [6, 5] });
    for (let y = 0; y < 10; y++)
      for (let x = 0; x < 8 * 3; x++)
        expect(part[y * 8 * 3 + x]).toBeCloseTo(whole[(y + 6) * 20 * 3 + 5 * 3 + x]!, 4);
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
      scale: 256 / 480,
    });
  });
});
