import type { NmsConfigs } from '../config/run.js';
import { cocoMetrics } from './coco.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import type { Report } from '../formats/report.js';

/** IoU thresholds that are tried besides the one in use. */
const TRIED = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

/** Images that thresholds are compared on: the first ones of a split are enough to tell them apart. */
export const COMPARED_IMAGES = 1000;

/** Rules of suppression to compare, in the order of their thresholds; none where thresholds have no meaning. */
export const suppressionRules = (nms: NmsConfigs): NmsConfigs[] =>
  nms.method === 'hard'
    ? [...new Set([...TRIED, nms.iou_thresh])]
        .sort((a, b) => a - b)
        .map(iou_thresh => ({ ...nms, iou_thresh }))
    : [];

/** What the model found under one threshold. */
export interface FoundUnder {
  readonly iou: number;
  readonly detections: readonly CocoDetection[];
}

/** AP by threshold, and what the best one would gain. @param truth of the compared images */
export function compareSuppression(
  truth: CocoGroundTruth,
  { found, deployed }: { found: readonly FoundUnder[]; deployed: number },
): Report['suppression'] {
  const curve = found.map(({ iou, detections }) => {
    const { AP, AP50 } = cocoMetrics(truth, detections).metrics;
    return { iou, AP, AP50 };
  });
  const used = curve.find(({ iou }) => iou === deployed);
  if (!used || used.AP < 0) return null;
  // Of equals the one in use.
  const best = curve.reduce((a, b) => (b.AP > a.AP ? b : a), used);
  return { deployed, best: best.iou, gainAP: best.AP - used.AP, images: truth.images.length, curve };
}
