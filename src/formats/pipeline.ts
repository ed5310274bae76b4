import type { ModelName } from '../config/families.js';
import type { Data, RunConfig, SoftWeights, Training } from '../config/run.js';
import type { EngineName } from '../settings.js';

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

export type StageState = 'waiting' | 'running' | 'paused' | 'done' | 'reused' | 'failed' | 'cancelled';

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
  /** null: nothing is distilled offline. */
  readonly teacher: TeacherInput | null;
  /** What the answers of a branch that is trained with it weigh; null: there is no branch. */
  readonly online: SoftWeights | null;
}
/** An exported teacher, how its answers are weighed, and whether it gives them once. */
export interface TeacherInput {
  readonly model: ArtifactRef;
  readonly distillation: SoftWeights;
  /** Of every image, each of which it answers once; 0: it answers every batch. */
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

/** Of a model at its best threshold, as ModelArts shows them. */
export interface ConfigMetrics {
  readonly f1: number;
  readonly recall: number;
  readonly precision: number;
  readonly accuracy: number;
}

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
export interface SuggestionSummary {
  readonly id: string;
  readonly severity: 'high' | 'medium' | 'low';
  readonly advice: { readonly en: string; readonly zh: string };
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

/** One stage as a run sees it. */
export interface StageStatus {
  readonly name: StageName;
  readonly state: StageState;
  /** How long it took; of a reused one, when it was made. */
  readonly seconds: number;
  /** Milliseconds since 1970, while it runs. */
  readonly startedAt?: number;
}
export interface RunStatus {
  readonly paused: boolean;
  readonly stages: readonly StageStatus[];
}
export interface RunResult {
  readonly teacher: CocoMetrics | null;
  readonly student: CocoMetrics;
  readonly stages: readonly StageStatus[];
  readonly suggestions: readonly SuggestionSummary[];
  /** Output folder of the run. */
  readonly folder: string;
}

/** The stages that a configuration asks for, in the order in which they are shown. */
export function plannedStages(config: Pick<RunConfig, 'teacher' | 'distillation'>): StageName[] {
  const isTaught = config.teacher !== null || teacherFrom(config) !== null;
  return STAGES.filter(stage =>
    stage === 'train-teacher' ? config.teacher !== null : isTaught || !stage.endsWith('-teacher'),
  );
}

const weightsOf = ({ soft_cls_loss, soft_box_loss }: RunConfig['distillation']): SoftWeights | null =>
  soft_cls_loss > 0 || soft_box_loss > 0 ? { soft_cls_loss, soft_box_loss } : null;

/** How a student learns from a model; null: it does not. */
export function teacherInput(
  distillation: RunConfig['distillation'],
  model: ArtifactRef | null | undefined,
): TeacherInput | null {
  const weights = distillation.use_offline_kd ? weightsOf(distillation) : null;
  return weights && model ? { model, distillation: weights, views: distillation.teacher_views } : null;
}

/** What the answers of the student's own heavier branch weigh; null: it has none. */
export const onlineWeights = (distillation: RunConfig['distillation']): SoftWeights | null =>
  distillation.use_online_kd ? weightsOf(distillation) : null;

/** The folder of a teacher that is not trained in this run; null: there is none. */
export const teacherFrom = ({
  distillation: { use_offline_kd: isUsed, teacher_model_url: folder },
}: Pick<RunConfig, 'distillation'>): string | null => (isUsed ? folder : null);

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
  /** How many attempts in a row began at this step. */
  readonly begun?: { readonly step: number; readonly attempts: number };
  /** One line for people, where something happened: what was adopted, a roll-back. */
  readonly note?: string;
}

/** A job of the trainer process. Paths are local; results go to `folder`. */
export type TrainerJob =
  | {
      readonly kind: 'train';
      readonly input: TrainInput;
      readonly key: string;
      readonly folder: string;
      /** Keeps a teacher's answers until the stage is done, from one attempt to the next. */
      readonly answers: string;
    }
  | {
      readonly kind: 'export';
      /** A training artifact, or a model. */
      readonly trained: string;
      readonly image_size: readonly [number, number] | null;
      readonly folder: string;
    }
  | {
      readonly kind: 'evaluate';
      readonly model: string;
      readonly dataset: string;
      readonly batchSize: number;
      readonly folder: string;
    }
  | { readonly kind: 'import'; readonly input: ImportInput; readonly folder: string }
  | {
      readonly kind: 'predict';
      readonly model: string;
      readonly images: readonly string[];
      /** What scores less is not said. */
      readonly minScore: number;
    };

/** What `predict` finds in one image: boxes in its pixels, by falling score. */
export interface Prediction {
  readonly image: string;
  readonly width: number;
  readonly height: number;
  /** What ran the network. */
  readonly engine: EngineName;
  readonly detections: readonly {
    readonly box: readonly [number, number, number, number];
    readonly label: string;
    readonly score: number;
  }[];
}
