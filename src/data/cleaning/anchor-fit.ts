import { kmeans } from 'ml-kmeans';
import { type BoxYxyx, boxHeight, boxWidth, iou } from '../../boxes.js';
import { ANCHORS_PER_CELL } from '../../config/families.js';
import { type AnchorGrid, type AnchorOptions, createAnchors } from '../../detection/anchors.js';
import type { CleanedDataset, CleanedSample } from '../../formats/dataset.js';
import { letterbox } from '../../images/place.js';

/** The parts of a detector's configuration that determine its anchors. */
export interface AnchorSetting {
  readonly anchors: AnchorOptions;
  /** [height, width] of the network input in pixels. */
  readonly imageSize: readonly [number, number];
}

/** How well the anchors of a detector fit the labelled boxes, without crowds. */
export interface AnchorFit {
  readonly boxes: number;
  /** Boxes whose best anchor overlaps them by less than the limit. */
  readonly missed: number;
  /** Other settings that would miss fewer boxes. */
  readonly better: {
    /** The cluster centres (k-means) of the boxes' own ratios. */
    readonly aspect_ratios?: { readonly value: readonly number[]; readonly missed: number };
    /** An input of about 1.5 times the size. */
    readonly image_size?: { readonly value: readonly [number, number]; readonly missed: number };
  };
}

const SEED = 1;
/** Input sizes of all families are multiples of this. */
const SIZE_STEP_PX = 128;
const LARGER_INPUT = 1.5;

/** Compares the anchors with all boxes to train and to evaluate on, scaled as the network sees them: the image just fits its input. */
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
  const larger = imageSize.map(side => Math.ceil((side * LARGER_INPUT) / SIZE_STEP_PX) * SIZE_STEP_PX);
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
  return `${share(missed)} of ${boxes} boxes have no anchor with an IoU of ${minIou} or more${advice}`;
}

function boxesAt(samples: readonly CleanedSample[], imageSize: readonly [number, number]): BoxYxyx[] {
  return samples.flatMap(({ boxes, ...image }) => {
    const [y, x] = letterbox(image, imageSize).scale;
    return boxes.flatMap(({ box: [ymin, xmin, ymax, xmax], crowd }) =>
      crowd ? [] : [[ymin * y, xmin * x, ymax * y, xmax * x] as const],
    );
  });
}

/**
 * IoU with the best of all anchors. Among anchors of one shape, the one with the nearest centre overlaps most, so only the
 * nearest cell of each level is examined.
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

/** Cluster centres of the boxes' width / height, in ascending order; null: there are fewer different ratios than clusters. */
function likelyRatios(boxes: readonly BoxYxyx[], count: number): number[] | null {
  const logs = boxes.map(box => [Math.log(boxWidth(box) / boxHeight(box))]);
  if (new Set(logs.map(([log]) => log)).size < count) return null;
  const { centroids } = kmeans(logs, count, { seed: SEED });
  return centroids.map(([log]) => Number(Math.exp(log!).toFixed(2))).sort((a, b) => a - b);
}
