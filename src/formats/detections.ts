import type { CocoDetection } from './coco.js';

/** Detections with lower scores are hidden unless another threshold is chosen: few of them are correct. */
export const DEFAULT_SCORE_THRESHOLD = 0.3;

/** The outputs of a program's `predict` for a batch; boxes [batch, 100, 4] in pixels of the network input. */
export interface RawDetections {
  readonly boxes: ArrayLike<number>;
  readonly scores: ArrayLike<number>;
  readonly classes: ArrayLike<number>;
  readonly count: ArrayLike<number>;
}

/** The detections of one image of a batch, in pixels of the image and clipped to it. Category ids count from 1. */
export function cocoDetections(
  raw: RawDetections,
  index: number,
  { imageId, scale, width, height }: { imageId: number; scale: number; width: number; height: number },
): CocoDetection[] {
  const perImage = raw.scores.length / raw.count.length;
  const clip = (value: number, limit: number): number => Math.min(Math.max(value * scale, 0), limit);
  return Array.from({ length: raw.count[index]! }, (_, i) => {
    const at = index * perImage + i;
    const [ymin, xmin] = [clip(raw.boxes[at * 4]!, height), clip(raw.boxes[at * 4 + 1]!, width)];
    const [ymax, xmax] = [clip(raw.boxes[at * 4 + 2]!, height), clip(raw.boxes[at * 4 + 3]!, width)];
    return {
      image_id: imageId,
      category_id: raw.classes[at]! + 1,
      bbox: [xmin, ymin, xmax - xmin, ymax - ymin],
      score: raw.scores[at]!,
    };
  });
}
