import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { onTestFinished } from 'vitest';
import type { BoxYxyx } from '../../src/boxes.js';

/** A folder of the running test's own, removed at its end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'detdistill-data-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file; its folders are made. */
export async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

interface Drawing {
  readonly width: number;
  readonly height: number;
  /** Red, on blue. */
  readonly rectangle?: BoxYxyx;
}

/** A blue image with a red rectangle. */
export function drawImage({ width, height, rectangle = [0, 0, 0, 0] }: Drawing): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  const [top, left, bottom, right] = rectangle;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const isInside = y >= top && y < bottom && x >= left && x < right;
      pixels.set(isInside ? [230, 20, 20] : [20, 20, 230], (y * width + x) * 3);
    }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** Where the red is, as pixel corners; null: nowhere. @param isRed of the first channel's value */
export function findRectangle(
  values: ArrayLike<number>,
  { width, height }: { width: number; height: number },
  isRed = (red: number, blue: number): boolean => red > blue,
): BoxYxyx | null {
  let [top, left, bottom, right] = [height, width, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      if (!isRed(values[at]!, values[at + 2]!)) continue;
      [top, left] = [Math.min(top, y), Math.min(left, x)];
      [bottom, right] = [Math.max(bottom, y + 1), Math.max(right, x + 1)];
    }
  return bottom < 0 ? null : [top, left, bottom, right];
}
