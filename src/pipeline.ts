import type { Data, Distillation, RunConfig, Training } from './config/run.js';

/** Names that every process shares. This file holds words and types only: workflows import it too. */
export const QUEUES = { control: 'detdistill-control', gpu: 'detdistill-gpu' } as const;

export type Role = 'teacher' | 'student';

/** The stages of a run, in the order they are shown. */
export const STAGES = [
  'clean',
  'train-teacher',
  'export-teacher',
  'evaluate-teacher',
  'train-student',
  'export-student',
  'evaluate-student',
  'advise',
] as const;
export type StageName = (typeof STAGES)[number];

export type StageState = 'waiting' | 'running' | 'done' | 'reused' | 'failed' | 'cancelled';

/** What a stage leaves behind. `sha256` is the hash of its content (names, sizes and hashes of its files). */
export interface ArtifactRef {
  readonly uri: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Every stage's result: small, so that it may pass through Temporal. */
export interface StageResult {
  readonly artifact: ArtifactRef;
  /** A finished stage with the same key was found, nothing was computed. */
  readonly reused: boolean;
  readonly seconds: number;
}

/** pycocotools' twelve numbers; -1 where undefined. */
export interface CocoMetrics {
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  readonly APs: number;
  readonly APm: number;
  readonly APl: number;
  readonly AR1: number;
  readonly AR10: number;
  readonly AR100: number;
  readonly ARs: number;
  readonly ARm: number;
  readonly ARl: number;
}

export interface CleanInput {
  readonly data: Data;
  readonly seed: number;
}
export interface CleanResult extends StageResult {
  readonly classes: readonly string[];
  readonly counts: {
    readonly train: number;
    readonly eval: number;
    readonly boxes: number;
    readonly dropped: number;
    readonly changed: number;
  };
}

export interface TrainInput {
  readonly role: Role;
  readonly training: Training;
  readonly mode: RunConfig['mode'];
  readonly seed: number;
  readonly dataset: ArtifactRef;
  /** The exported teacher and how its answers are weighed; null: nothing is distilled. */
  readonly teacher: { readonly model: ArtifactRef; readonly distillation: Distillation } | null;
}
export interface TrainResult extends StageResult {
  /** Of the best checkpoint on the evaluation split. */
  readonly metrics: CocoMetrics;
  readonly steps: number;
  readonly bestStep: number;
  readonly rollbacks: number;
}

export interface ExportInput {
  readonly trained: ArtifactRef;
  /** [height, width] of the network input; null: as trained. A teacher is exported at its student's size. */
  readonly image_size: readonly [number, number] | null;
}
export type ExportResult = StageResult;

export interface EvaluateInput {
  readonly model: ArtifactRef;
  readonly dataset: ArtifactRef;
  readonly batchSize: number;
}
export interface EvaluateResult extends StageResult {
  readonly metrics: CocoMetrics;
}

export interface AdviseInput {
  readonly config: RunConfig;
  readonly student: { readonly trained: ArtifactRef; readonly report: ArtifactRef };
  readonly teacher: { readonly trained: ArtifactRef; readonly report: ArtifactRef } | null;
}
export interface AdviseResult extends StageResult {
  readonly top: readonly SuggestionSummary[];
}
export interface SuggestionSummary {
  readonly id: string;
  readonly severity: 'high' | 'medium' | 'low';
  readonly advice: { readonly en: string; readonly zh: string };
}

/** What a running stage says of itself; rides on heartbeats. */
export interface StageProgress {
  /** start, restore, train, validate, checkpoint, predict, … */
  readonly phase: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly losses?: Readonly<Record<string, number>>;
  readonly learningRate?: number;
  readonly itemsPerSecond?: number;
  readonly secondsLeft?: number;
  readonly best?: { readonly AP: number; readonly step: number };
  readonly checkpoint?: { readonly step: number; readonly artifact: ArtifactRef };
  /** One line for people, where something happened: what was adopted, a roll-back. */
  readonly note?: string;
}

/** A job of the trainer process: the stage's input and where its artifacts go. */
export type TrainerJob =
  | { readonly kind: 'train'; readonly input: TrainInput; readonly key: string }
  | { readonly kind: 'export'; readonly input: ExportInput; readonly key: string }
  | { readonly kind: 'evaluate'; readonly input: EvaluateInput; readonly key: string }
  | {
      readonly kind: 'predict';
      readonly model: string;
      readonly images: readonly string[];
      readonly scoreThreshold: number;
    };
