import {
  ANCHORS_PER_CELL,
  type AspectRatio,
  type FamilyRow,
  familyOf,
  NUM_SCALES,
} from '../config/families.js';
import type { ModelCard } from '../formats/model-card.js';

export interface AnchorLevel {
  readonly level: number;
  readonly height: number;
  readonly width: number;
  /** Anchors on this level. */
  readonly count: number;
}

/** The properties of a detector that determine its anchors, apart from the size of its input. */
export interface AnchorOptions extends Pick<FamilyRow, 'minLevel' | 'maxLevel' | 'anchorScale'> {
  readonly aspectRatios: readonly AspectRatio[];
}

/** The anchors of a family with the aspect ratios that its training configures. */
export const anchorOptions = (
  { minLevel, maxLevel, anchorScale }: FamilyRow,
  aspectRatios: readonly AspectRatio[],
): AnchorOptions => ({ minLevel, maxLevel, anchorScale, aspectRatios });

export interface AnchorGrid {
  /** [count, 4]: ymin, xmin, ymax, xmax in pixels of the network input, not clipped; level, then y, x, anchor. */
  readonly boxes: Float32Array;
  readonly count: number;
  readonly levels: readonly AnchorLevel[];
}

/** The sizes of the levels: each is half of the one below, rounded up, starting from the input. */
function levelSizes(
  [height, width]: readonly [number, number],
  { minLevel, maxLevel }: { minLevel: number; maxLevel: number },
): AnchorLevel[] {
  const half = (size: number): number => Math.floor((size - 1) / 2) + 1;
  const sizes: AnchorLevel[] = [];
  let [h, w] = [height, width];
  for (let level = 1; level <= maxLevel; level++) {
    [h, w] = [half(h), half(w)];
    if (level >= minLevel) sizes.push({ level, height: h, width: w, count: h * w * ANCHORS_PER_CELL });
  }
  return sizes;
}

const sideFactors = (ratio: AspectRatio): readonly [width: number, height: number] =>
  typeof ratio === 'number' ? [Math.sqrt(ratio), 1 / Math.sqrt(ratio)] : ratio;

/**
 * The anchors of google/automl `anchors.py`: stride = image size / map size, as a float for each axis; octave scales are the outer
 * loop, aspect ratios the inner one.
 * @param imageSize [height, width] of the network input in pixels.
 */
export function createAnchors(
  { aspectRatios, anchorScale, ...range }: AnchorOptions,
  imageSize: readonly [number, number],
): AnchorGrid {
  const levels = levelSizes(imageSize, range);
  const count = levels.reduce((sum, level) => sum + level.count, 0);
  const boxes = new Float32Array(count * 4);
  let at = 0;
  for (const { height, width } of levels) {
    const [strideY, strideX] = [imageSize[0] / height, imageSize[1] / width];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let octave = 0; octave < NUM_SCALES; octave++)
          for (const [widthFactor, heightFactor] of aspectRatios.map(sideFactors)) {
            const base = anchorScale * 2 ** (octave / NUM_SCALES);
            const halfHeight = (base * strideY * heightFactor) / 2;
            const halfWidth = (base * strideX * widthFactor) / 2;
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

/** The anchors of an exported model. */
export const gridOf = ({ model_name, aspect_ratios, image_size }: ModelCard): AnchorGrid =>
  createAnchors(anchorOptions(familyOf(model_name), aspect_ratios), image_size);
