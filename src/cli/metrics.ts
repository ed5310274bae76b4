import type { CocoMetrics } from '../formats/coco-metrics.js';
import { formatMetric } from './format.js';
import { alignTable } from './table.js';

const MEANS: Readonly<Record<keyof CocoMetrics, string>> = {
  AP: 'average precision, IoU .50 to .95',
  AP50: '… IoU .50',
  AP75: '… IoU .75',
  APs: '… small objects, below 32² px',
  APm: '… medium objects',
  APl: '… large objects, above 96² px',
  AR1: 'average recall, 1 detection per image',
  AR10: '… 10 detections',
  AR100: '… 100 detections',
  ARs: '… small objects',
  ARm: '… medium objects',
  ARl: '… large objects',
};

/** Shows the twelve metrics with their meanings. */
export function renderMetrics(metrics: CocoMetrics): string {
  const names = Object.keys(MEANS) as (keyof CocoMetrics)[]; // MEANS has exactly these
  return alignTable(
    names.map(name => [name, formatMetric(metrics[name]), MEANS[name]]),
    [1],
  );
}

interface ClassRow {
  readonly name: string;
  readonly AP: number;
  readonly AP50: number;
  readonly AR100: number;
}

export function renderClasses(perClass: readonly ClassRow[]): string {
  const rows = perClass.map(({ name, ...row }) => [name, ...[row.AP, row.AP50, row.AR100].map(formatMetric)]);
  return alignTable([['class', 'AP', 'AP50', 'AR100'], ...rows], [1, 2, 3]);
}
