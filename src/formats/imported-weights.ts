import type { ModelName } from '../config/families.js';

/** A checkpoint of another program that becomes a model. */
export interface ImportInput {
  /** A path that `readWeights` accepts. */
  readonly checkpoint: string;
  readonly model_name: ModelName;
  /** The number of classes where no names are given. */
  readonly num_classes: number;
  /** Class names in the order of the outputs; null: COCO's names for 90 classes, else numbers. */
  readonly classes: readonly string[] | null;
  /** [height, width] of the network input; null: the family's. */
  readonly image_size: readonly [number, number] | null;
  /** Whether missing, mismatched and unused tensors are errors. */
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
