import type { ArtifactRef } from './artifact.js';
import type { CocoMetrics } from './coco-metrics.js';
import type { SuggestionSummary } from './suggestions.js';
import type { Data, RunConfig, SoftWeights, Training } from '../config/run.js';

export type Role = 'teacher' | 'student';

/** Every stage's result: small, so that it may pass through Temporal. */
export interface StageResult {
  readonly artifact: ArtifactRef;
  /** A finished stage with the same key was found, nothing was computed. */
  readonly reused: boolean;
  readonly seconds: number;
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
  /** Weights of the distillation terms. */
  readonly distillation: SoftWeights;
  /** Augmented views of an image for each of which the teacher runs once; 0: it runs in every step. */
  readonly views: number;
}

export interface TrainResult extends StageResult {
  /** Of the best checkpoint on the evaluation split. */
  readonly metrics: CocoMetrics;
  readonly steps: number;
  readonly bestStep: number;
  readonly rollbacks: number;
}

export interface ExportInput {
  /** What is exported: a training's artifact, or the folder, or a bucket's address, of a model that exists already. */
  readonly trained: ArtifactRef | { readonly folder: string };
  /** [height, width] of the network input; null: as trained. A teacher is exported at its student's size. */
  readonly image_size: readonly [number, number] | null;
  /** What a model from elsewhere has to know; null: anything. */
  readonly classes: readonly string[] | null;
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
  readonly teacher: { readonly trained: ArtifactRef | null; readonly report: ArtifactRef } | null;
}

export interface AdviseResult extends StageResult {
  readonly top: readonly SuggestionSummary[];
}

export interface PublishInput {
  readonly config: RunConfig;
  readonly teacher: PublishedTeacher | null;
  readonly student: PublishedModel;
  readonly suggestions: ArtifactRef;
}

export interface PublishedModel {
  readonly trained: ArtifactRef;
  readonly model: ArtifactRef;
  readonly report: ArtifactRef;
}

/** `trained` is null where the teacher came from elsewhere. */
export type PublishedTeacher = Omit<PublishedModel, 'trained'> & { readonly trained: ArtifactRef | null };

/** The input and the result of each kind of stage. */
export interface StageIO {
  readonly clean: { readonly input: CleanInput; readonly result: CleanResult };
  readonly train: { readonly input: TrainInput; readonly result: TrainResult };
  readonly export: { readonly input: ExportInput; readonly result: ExportResult };
  readonly evaluate: { readonly input: EvaluateInput; readonly result: EvaluateResult };
  readonly advise: { readonly input: AdviseInput; readonly result: AdviseResult };
}
export type StageKind = keyof StageIO;

/** Kinds of stages that a run has once for the teacher and once for the student. */
type KindPerModel = 'train' | 'export' | 'evaluate';

export type StageName = Exclude<StageKind, KindPerModel> | `${KindPerModel}-${Role}`;
export type KindOf<S extends StageName> = S extends `${infer K extends KindPerModel}-${Role}`
  ? K
  : Extract<S, StageKind>;

/** The results of the stages of a run that are finished. */
export type FinishedStages = { readonly [S in StageName]?: StageIO[KindOf<S>]['result'] };
