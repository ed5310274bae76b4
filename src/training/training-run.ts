import type { SoftWeights } from '../config/run.js';
import type { CleanedDataset } from '../formats/dataset.js';
import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { CocoDetection } from '../formats/coco.js';
import type { CocoGroundTruth } from '../formats/coco.js';
import { SOFT_TERMS, type SoftTerm, WEIGHT_OF } from '../formats/training-history.js';
import type { StageProgress } from '../formats/progress.js';
import type { StageResult, TrainInput, TrainResult } from '../formats/train-io.js';
import type { Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import type { Journal } from './journal.js';
import type { RunState } from './run-state.js';
import type { TrainingSession } from './session.js';
import type { Teacher } from './teacher.js';

export interface TrainOptions {
  readonly input: TrainInput;
  readonly stageKey: string;
  /** The cleaned data set. */
  readonly datasetFolder: string;
  readonly teacher: Teacher | null;
  /** AP of the same student trained without a teacher on the same data; null: no such training is known. */
  readonly undistilledAP: number | null;
  readonly store: ArtifactStore;
  readonly settings: Settings;
  /** Becomes the training artifact; emptied first. */
  readonly folder: string;
  /** Caches the outputs of a teacher; may hold those of earlier attempts. */
  readonly teacherCacheFolder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  /** COCO metrics, which are the work of another stage and therefore handed in. */
  readonly score: (groundTruth: CocoGroundTruth, detections: readonly CocoDetection[]) => CocoMetrics;
}

export type TrainOutcome = Omit<TrainResult, keyof StageResult>;

/** A training whose program is loaded. */
export interface TrainingRun {
  readonly options: TrainOptions;
  readonly dataset: CleanedDataset;
  readonly session: TrainingSession;
  readonly state: RunState;
  readonly journal: Journal;
}

/** The terms of distillation that have a weight. */
export function softTermsOf(input: TrainInput): SoftTerm[] {
  const weights = softWeightsOf(input);
  return SOFT_TERMS.filter(term => weights && weights[WEIGHT_OF[term]] !== 0);
}

/** The weights of the distillation terms; null: nothing is distilled. */
export const softWeightsOf = ({ teacher, online }: TrainInput): SoftWeights | null =>
  teacher?.distillation ?? online;
