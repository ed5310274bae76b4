import { kmeans } from 'ml-kmeans';
import { type BoxYxyx, boxHeight, boxWidth, iou } from '../../boxes.js';
import { ANCHORS_PER_CELL } from '../../config/families.js';
import { type AnchorGrid, type AnchorOptions, createAnchors } from '../../detection/anchors.js';
import type { CleanedDataset, CleanedSample } from '../../formats/dataset.js';
import { letterbox } from '../../images/place.js';

/** What decides which anchors a detector has. */
export interface AnchorSetting {
  readonly anchors: AnchorOptions;
  /** [height, width] of the network input in pixels. */
  readonly imageSize: readonly [number, number];
}

/** How well the anchors of a detector meet the labelled boxes, crowds left out. */
export interface AnchorFit {
  readonly boxes: number;
  /** Boxes whose best anchor overlaps them by less than the limit. */
  readonly missed: number;
  /** What other settings would miss; only those that miss fewer. */
  readonly better: {
    /** By k-means of the boxes' own ratios. */
    readonly aspect_ratios?: { readonly value: readonly number[]; readonly missed: number };
    /** One and a half times the size. */
    readonly image_size?: { readonly value: readonly [number, number]; readonly missed: number };
  };
}

const SEED = 1;
/** The input of every family is a multiple of this. */
const SIZE_STEP = 128;
const LARGER = 1.5;

/** Looks at all boxes of both splits as the network sees them: scaled so that the image just fits its input. */
export function anchorFit(
  { splits }: CleanedDataset,
  { anchors, imageSize }: AnchorSetting,
  minIou: number,
): AnchorFit {
  const samples = [...splits.train, ...splits.eval];
  const missedWith = (setting: AnchorSetting): number => {
    const grid = createAnchors(setting.anchors, setting.imageSize);
    return boxesAt(samples, setting.imageSize).filter(
      box => bestAnchorIou(box, { grid, imageSize: setting.imageSize }) < minIou,
    ).length;
  };
  const boxes = boxesAt(samples, imageSize);
  const missed = missedWith({ anchors, imageSize });
  if (missed === 0) return { boxes: boxes.length, missed, better: {} };
  const ratios = likelyRatios(boxes, anchors.aspectRatios.length);
  const larger = imageSize.map(side => Math.ceil((side * LARGER) / SIZE_STEP) * SIZE_STEP);
  const size = [larger[0]!, larger[1]!] as const;
  const withRatios = ratios && missedWith({ anchors: { ...anchors, aspectRatios: ratios }, imageSize });
  const withSize = missedWith({ anchors, imageSize: size });
  return {
    boxes: boxes.length,
    missed,
    better: {
      ...(ratios &&
        withRatios !== null &&
        withRatios < missed && { aspect_ratios: { value: ratios, missed: withRatios } }),
      ...(withSize < missed && { image_size: { value: size, missed: withSize } }),
    },
  };
}

export function describeFit({ boxes, missed, better }: AnchorFit, minIou: number): string {
  const share = (count: number): string => `${((100 * count) / boxes).toFixed(1)} %`;
  const ways = [
    better.aspect_ratios &&
      `hparams.aspect_ratios [${better.aspect_ratios.value.join(', ')}] would miss ${share(better.aspect_ratios.missed)}`,
    better.image_size &&
      `image_size [${better.image_size.value.join(', ')}] would miss ${share(better.image_size.missed)}`,
  ].filter(Boolean);
  const advice = ways.length > 0 ? `; ${ways.join('; ')}` : '';
  return `${share(missed)} of ${boxes} boxes overlap no anchor by ${minIou}${advice}`;
}

function boxesAt(samples: readonly CleanedSample[], imageSize: readonly [number, number]): BoxYxyx[] {
  return samples.flatMap(({ boxes, ...image }) => {
    const { scale } = letterbox(image, imageSize);
    return boxes.flatMap(({ box: [ymin, xmin, ymax, xmax], crowd }) =>
      crowd ? [] : [[ymin * scale, xmin * scale, ymax * scale, xmax * scale] as const],
    );
  });
}

/**
 * IoU with the best of all anchors. Of anchors of one shape the one whose centre is nearest overlaps most, in height and
 * in width: only those of the nearest cells are looked at.
 */
export function bestAnchorIou(
  box: BoxYxyx,
  { grid, imageSize }: { grid: AnchorGrid; imageSize: readonly [number, number] },
): number {
  let [best, first] = [0, 0];
  for (const { height, width, count } of grid.levels) {
    const y = nearestCell((box[0] + box[2]) / 2, { cells: height, size: imageSize[0] });
    const x = nearestCell((box[1] + box[3]) / 2, { cells: width, size: imageSize[1] });
    const cell = first + (y * width + x) * ANCHORS_PER_CELL;
    for (let anchor = cell; anchor < cell + ANCHORS_PER_CELL; anchor++) {
      const [ymin, xmin, ymax, xmax] = grid.boxes.subarray(anchor * 4, anchor * 4 + 4);
      best = Math.max(best, iou(box, [ymin!, xmin!, ymax!, xmax!]));
    }
    first += count;
  }
  return best;
}

const nearestCell = (centre: number, { cells, size }: { cells: number; size: number }): number =>
  Math.min(cells - 1, Math.max(0, Math.floor((centre * cells) / size)));

/** Width / height around which the boxes gather, widest last; null: there are fewer than that. */
function likelyRatios(boxes: readonly BoxYxyx[], count: number): number[] | null {
  const logs = boxes.map(box => [Math.log(boxWidth(box) / boxHeight(box))]);
  if (new Set(logs.map(([log]) => log)).size < count) return null;
  const { centroids } = kmeans(logs, count, { seed: SEED });
  return centroids.map(([log]) => Number(Math.exp(log!).toFixed(2))).sort((a, b) => a - b);
}
