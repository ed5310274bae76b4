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

interface DetectedImage {
  readonly imageId: number;
  readonly width: number;
  readonly height: number;
  /** Image pixels per network pixel. */
  readonly scale: readonly [y: number, x: number];
}

/** The detections of one image of a batch, in pixels of the image and clipped to it. Category ids count from 1. */
export function cocoDetections(
  raw: RawDetections,
  index: number,
  { imageId, scale: [scaleY, scaleX], width, height }: DetectedImage,
): CocoDetection[] {
  const perImage = raw.scores.length / raw.count.length;
  const clip = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);
  return Array.from({ length: raw.count[index]! }, (_, i) => {
    const at = index * perImage + i;
    const y = (side: 0 | 2): number => clip(raw.boxes[at * 4 + side]! * scaleY, height);
    const x = (side: 1 | 3): number => clip(raw.boxes[at * 4 + side]! * scaleX, width);
    const [ymin, xmin, ymax, xmax] = [y(0), x(1), y(2), x(3)];
    return {
      image_id: imageId,
      category_id: raw.classes[at]! + 1,
      bbox: [xmin, ymin, xmax - xmin, ymax - ymin],
      score: raw.scores[at]!,
    };
  });
}
