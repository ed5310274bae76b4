import type { ErrorFacts } from '../errors/index.js';
import type { StageProgress } from '../formats/progress.js';
import type { Settings } from '../settings.js';
import type { ImportInput } from '../formats/imported-weights.js';
import type { TrainInput } from '../formats/stage-io.js';

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

/** Parent to child. */
export type TrainerRequest =
  | { readonly type: 'start'; readonly job: TrainerJob; readonly settings: Settings }
  | { readonly type: 'stop' };
/** Child to parent. */
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
