import type { NmsConfigs } from '../config/run.js';
import { cocoMetrics } from './coco.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import type { Report } from '../formats/report.js';

/** IoU thresholds that are compared with the deployed one. */
const TRIED = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

/** The number of images, from the start of the split, that thresholds are compared on: enough to tell them apart. */
export const COMPARED_IMAGES = 1000;

/** The suppression settings to compare, by ascending IoU threshold; none for methods without a threshold. */
export const suppressionRules = (nms: NmsConfigs): NmsConfigs[] =>
  nms.method === 'hard'
    ? [...new Set([...TRIED, nms.iou_thresh])]
        .sort((a, b) => a - b)
        .map(iou_thresh => ({ ...nms, iou_thresh }))
    : [];

/** The detections under one IoU threshold. */
export interface ThresholdDetections {
  readonly iou: number;
  readonly detections: readonly CocoDetection[];
}

/** AP by IoU threshold, and the gain of the best one. @param truth the ground truth of the compared images */
export function compareSuppression(
  truth: CocoGroundTruth,
  { found, deployed }: { found: readonly ThresholdDetections[]; deployed: number },
): Report['suppression'] {
  const curve = found.map(({ iou, detections }) => {
    const { AP, AP50 } = cocoMetrics(truth, detections).metrics;
    return { iou, AP, AP50 };
  });
  const used = curve.find(({ iou }) => iou === deployed);
  if (!used || used.AP < 0) return null;
  // The deployed threshold wins a tie.
  const best = curve.reduce((a, b) => (b.AP > a.AP ? b : a), used);
  return { deployed, best: best.iou, gainAP: best.AP - used.AP, images: truth.images.length, curve };
}
