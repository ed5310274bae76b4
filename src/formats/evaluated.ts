import type { CocoMetrics } from './coco-metrics.js';

/** The metrics of an exported model. */
export interface Evaluated {
  /** On the evaluation split. */
  readonly metrics: CocoMetrics;
  /** On the test split, which did not choose the checkpoint; null: the data set has none. */
  readonly test: CocoMetrics | null;
}
