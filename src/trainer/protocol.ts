import type { ErrorFacts } from '../errors/index.js';
import type { StageProgress } from '../formats/progress.js';
import type { Settings } from '../settings.js';
import type { ImportInput } from '../formats/imported-weights.js';
import type { TrainInput } from '../formats/stage-io.js';

/** A job of the TensorFlow process. Paths are local; results go to `folder`. */
export type TrainerJob =
  | {
      readonly kind: 'train';
      readonly input: TrainInput;
      readonly key: string;
      readonly folder: string;
      /** The folder that caches a teacher's outputs from one attempt to the next. */
      readonly answers: string;
    }
  | {
      readonly kind: 'export';
      /** The folder of a training artifact, or of a model. */
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
      /** Detections below this score are left out. */
      readonly minScore: number;
    };

/** A message of the parent to the TensorFlow process. */
export type TrainerRequest =
  | { readonly type: 'start'; readonly job: TrainerJob; readonly settings: Settings }
  | { readonly type: 'stop' };
/** A message of the TensorFlow process to its parent. */
export type TrainerReply =
  | { readonly type: 'progress'; readonly progress: StageProgress }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: ErrorFacts };

export interface JobContext {
  readonly settings: Settings;
  /** Stops the job: training saves a checkpoint first. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

/** Runs a job to its result, whose type follows from the kind of the job. */
export type RunJob = <T>(job: TrainerJob, context: JobContext) => Promise<T>;
