import type { ErrorFacts } from '../errors/index.js';
import type { Evaluated } from '../formats/evaluated.js';
import type { ImportInput, ImportReport } from '../formats/imported-weights.js';
import type { Prediction } from '../formats/prediction.js';
import type { StageProgress } from '../formats/progress.js';
import type { StageResult, TrainInput, TrainResult } from '../formats/train-io.js';
import type { Settings } from '../settings.js';

/** The kinds of jobs of the TensorFlow process: what each is given, and its result. Paths are local. */
interface JobIO {
  readonly train: {
    readonly job: {
      readonly input: TrainInput;
      readonly key: string;
      /** AP of the same student trained without a teacher on the same data; null: no such training is known. */
      readonly undistilledAP: number | null;
      /** The folder that becomes the artifact. */
      readonly folder: string;
      /** The folder that caches a teacher's outputs from one attempt to the next. */
      readonly teacherCacheFolder: string;
    };
    readonly result: Omit<TrainResult, keyof StageResult>;
  };
  readonly export: {
    readonly job: {
      /** The folder of a training artifact, or of a model. */
      readonly trained: string;
      /** [height, width] of the network input; null: as trained. */
      readonly image_size: readonly [number, number] | null;
      readonly folder: string;
    };
    readonly result: void;
  };
  readonly evaluate: {
    readonly job: {
      readonly model: string;
      readonly dataset: string;
      readonly batchSize: number;
      readonly folder: string;
    };
    readonly result: Evaluated;
  };
  readonly import: {
    readonly job: { readonly input: ImportInput; readonly folder: string };
    readonly result: ImportReport;
  };
  readonly predict: {
    readonly job: {
      readonly model: string;
      readonly images: readonly string[];
      /** Detections below this score are left out. */
      readonly minScore: number;
    };
    readonly result: Prediction[];
  };
}
export type JobKind = keyof JobIO;
export type JobOf<K extends JobKind> = { readonly kind: K } & JobIO[K]['job'];
export type TrainerJob = { [K in JobKind]: JobOf<K> }[JobKind];
export type JobResult<K extends JobKind> = JobIO[K]['result'];

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

/** The type of the result follows from the kind of the job. */
export type RunJob = <J extends TrainerJob>(job: J, context: JobContext) => Promise<JobResult<J['kind']>>;
