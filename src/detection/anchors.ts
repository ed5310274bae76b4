import { ASPECT_RATIOS, type FamilyRow, NUM_SCALES } from '../config/families.js';

export interface AnchorLevel {
  readonly level: number;
  readonly height: number;
  readonly width: number;
  /** Anchors on this level. */
  readonly count: number;
}

export interface AnchorGrid {
  /** [count, 4]: ymin, xmin, ymax, xmax in pixels of the network input, not clipped; level, then y, x, anchor. */
  readonly boxes: Float32Array;
  readonly count: number;
  readonly levels: readonly AnchorLevel[];
}

/** Height and width of each level: halved, rounded up, from the input down. */
function levelSizes(
  [height, width]: readonly [number, number],
  { minLevel, maxLevel }: { minLevel: number; maxLevel: number },
): AnchorLevel[] {
  const half = (size: number): number => Math.floor((size - 1) / 2) + 1;
  const sizes: AnchorLevel[] = [];
  let [h, w] = [height, width];
  for (let level = 1; level <= maxLevel; level++) {
    [h, w] = [half(h), half(w)];
    if (level >= minLevel)
      sizes.push({ level, height: h, width: w, count: h * w * NUM_SCALES * ASPECT_RATIOS.length });
  }
  return sizes;
}

/**
 * Anchors of google/automl `anchors.py`: stride = image size / map size, as a float and per axis; octave scales outer,
 * aspect ratios inner.
 * @param imageSize [height, width] of the network input in pixels.
 */
export function createAnchors(
  family: Pick<FamilyRow, 'minLevel' | 'maxLevel' | 'anchorScale'>,
  imageSize: readonly [number, number],
): AnchorGrid {
  const levels = levelSizes(imageSize, family);
  const count = levels.reduce((sum, level) => sum + level.count, 0);
  const boxes = new Float32Array(count * 4);
  let at = 0;
  for (const { height, width } of levels) {
    const [strideY, strideX] = [imageSize[0] / height, imageSize[1] / width];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let octave = 0; octave < NUM_SCALES; octave++)
          for (const ratio of ASPECT_RATIOS) {
            const base = family.anchorScale * 2 ** (octave / NUM_SCALES);
            const halfHeight = (base * strideY) / Math.sqrt(ratio) / 2;
            const halfWidth = (base * strideX * Math.sqrt(ratio)) / 2;
            const [centreY, centreX] = [strideY / 2 + y * strideY, strideX / 2 + x * strideX];
            boxes.set(
              [centreY - halfHeight, centreX - halfWidth, centreY + halfHeight, centreX + halfWidth],
              at,
            );
            at += 4;
          }
  }
  return { boxes, count, levels };
}
