import type { BoxYxyx } from '../../boxes.js';

/** Whether width and height are swapped: EXIF orientations 5 to 8. */
export const isTransposed = (orientation: number): boolean => orientation >= 5;

/**
 * Maps a box from the stored image to the upright one.
 * @param width, height size of the stored image
 */
export function orientBox(
  [y0, x0, y1, x1]: BoxYxyx,
  { orientation, width: w, height: h }: { orientation: number; width: number; height: number },
): BoxYxyx {
  const turned: Record<number, BoxYxyx> = {
    2: [y0, w - x1, y1, w - x0],
    3: [h - y1, w - x1, h - y0, w - x0],
    4: [h - y1, x0, h - y0, x1],
    5: [x0, y0, x1, y1],
    6: [x0, h - y1, x1, h - y0],
    7: [w - x1, h - y1, w - x0, h - y0],
    8: [w - x1, y0, w - x0, y1],
  };
  return turned[orientation] ?? [y0, x0, y1, x1];
}
