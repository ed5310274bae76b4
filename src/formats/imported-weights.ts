import type { ModelName } from '../config/families.js';

/** Weights from elsewhere that become a model. */
export interface ImportInput {
  /** What `readWeights` takes. */
  readonly checkpoint: string;
  readonly model_name: ModelName;
  /** Where no names are given. */
  readonly num_classes: number;
  /** In the order of the outputs; null: COCO's for 90 of them, else numbers. */
  readonly classes: readonly string[] | null;
  /** [height, width] of the network input; null: the family's. */
  readonly image_size: readonly [number, number] | null;
  /** What is missing, of another shape or not needed is an error. */
  readonly strict: boolean;
}

export interface ImportReport {
  readonly adopted: number;
  readonly missing: readonly string[];
  readonly mismatched: readonly ShapeMismatch[];
  readonly extra: readonly string[];
  readonly classes: readonly string[];
}

export interface ShapeMismatch {
  readonly name: string;
  readonly expected: readonly number[];
  readonly found: readonly number[];
}
