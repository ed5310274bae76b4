/** The metrics of a model at its best score threshold, as ModelArts shows them. */
export interface ConfigMetrics {
  readonly f1: number;
  readonly recall: number;
  readonly precision: number;
  readonly accuracy: number;
}
