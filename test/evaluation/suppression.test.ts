import { describe, expect, it } from 'vitest';
import { NmsConfigs } from '../../src/config/run.js';
import { cocoMetrics } from '../../src/evaluation/coco.js';
import { compareSuppression, suppressionRules } from '../../src/evaluation/suppression.js';

const image = { id: 1, width: 100, height: 100, file_name: 'a.png' };
const box = (x: number, id: number) => ({
  id,
  image_id: 1,
  category_id: 1,
  bbox: [x, 10, 20, 20] as const,
  area: 400,
  iscrowd: 0 as const,
});
/** Two objects that overlap by 2/3. */
const truth = {
  images: [image],
  annotations: [box(10, 1), box(14, 2)],
  categories: [{ id: 1, name: 'tree' }],
};
const found = (x: number, score: number) => ({
  image_id: 1,
  category_id: 1,
  bbox: [x, 10, 20, 20] as const,
  score,
});

describe('thresholds of suppression', () => {
  it('are compared where there are any, the one in use among them', () => {
    const rules = suppressionRules(NmsConfigs.parse({ iou_thresh: 0.45 }));
    expect(rules.map(({ iou_thresh }) => iou_thresh)).toEqual([0.3, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8]);
    expect(new Set(rules.map(({ score_thresh, method }) => `${method} ${score_thresh}`)).size).toBe(1);
    expect(suppressionRules(NmsConfigs.parse({ method: 'gaussian' }))).toEqual([]);
  });

  it('are ranked by AP: objects that overlap need a high one', () => {
    const [one, both] = [[found(10, 0.9)], [found(10, 0.9), found(14, 0.8)]];
    const lists = [
      { iou: 0.5, detections: one },
      { iou: 0.7, detections: both },
      { iou: 0.8, detections: both },
    ];
    const compared = compareSuppression(truth, { found: lists, deployed: 0.5 })!;
    const [low, high] = [cocoMetrics(truth, one).metrics, cocoMetrics(truth, both).metrics];
    expect(compared).toMatchObject({ deployed: 0.5, best: 0.7, images: 1 });
    expect(compared.gainAP).toBeCloseTo(high.AP - low.AP, 12);
    expect(compared.curve.map(({ AP }) => AP)).toEqual([low.AP, high.AP, high.AP]);
  });

  it('leave the one in use where none is better, and say nothing where AP is undefined', () => {
    const lists = [0.3, 0.5].map(iou => ({ iou, detections: [found(10, 0.9)] }));
    expect(compareSuppression(truth, { found: lists, deployed: 0.5 })).toMatchObject({
      best: 0.5,
      gainAP: 0,
    });
    const empty = { ...truth, annotations: [] };
    expect(compareSuppression(empty, { found: lists, deployed: 0.5 })).toBeNull();
    expect(compareSuppression(truth, { found: [], deployed: 0.5 })).toBeNull();
  });
});
