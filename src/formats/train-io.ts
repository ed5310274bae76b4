import type { ArtifactRef } from './artifact.js';
import type { CocoMetrics } from './coco-metrics.js';
import type { Data, RunConfig, SoftWeights, Training } from '../config/run.js';

export type Role = 'teacher' | 'student';

/** The part that the results of all stages share. Results are small, so that they may pass through Temporal. */
export interface StageResult {
  readonly artifact: ArtifactRef;
  /** Whether a finished stage with the same key was found, and nothing was computed. */
  readonly reused: boolean;
  readonly seconds: number;
}

export interface TrainInput {
  readonly role: Role;
  readonly training: Training;
  readonly mode: RunConfig['mode'];
  readonly seed: number;
  readonly dataset: ArtifactRef;
  /** The limits of the checks that need the detector; they lead to notes only and are no part of the stage's key. */
  readonly data: Data;
  /** null: nothing is distilled offline. */
  readonly teacher: TeacherInput | null;
  /** Weights of online distillation from an auxiliary branch; null: there is no branch. */
  readonly online: SoftWeights | null;
}

/** An exported teacher and how the student learns from it. */
export interface TeacherInput {
  readonly model: ArtifactRef;
  /** AP at the student's input size, on the evaluation split; follows from the model and the data set. null: not measured. */
  readonly AP: number | null;
  /** Weights of the distillation terms. */
  readonly distillation: SoftWeights;
  /** Augmented views of an image for each of which the teacher runs once; 0: it runs in every step. */
  readonly views: number;
}

export interface TrainResult extends StageResult {
  /** The metrics of the best checkpoint on the evaluation split. */
  readonly metrics: CocoMetrics;
  readonly steps: number;
  readonly bestStep: number;
  /** The metrics of the last step on the evaluation split. */
  readonly last: CocoMetrics;
  /** The number of evaluations that the best checkpoint was chosen from. */
  readonly evaluations: number;
  readonly rollbacks: number;
  readonly warnings: readonly string[];
}
