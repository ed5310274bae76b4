import {
  isTaught,
  onlineWeights,
  softWeights,
  type TeacherChoice,
  teacherFrom,
} from '../config/distillation.js';
import { isLocalWeights } from '../config/pretrained.js';
import type { Data, RunConfig } from '../config/run.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { Evaluated } from '../formats/evaluated.js';
import type { SuggestionSummary } from '../formats/suggestions.js';
import type { Role, StageResult, TeacherInput, TrainInput, TrainResult } from '../formats/train-io.js';

// The table of stages: the input and the result of each kind, what its stages have in common, and the stages of a run.
// Workflows import this file into their sandbox: everything here is pure.

/** Temporal's task queues. */
export const QUEUES = { control: 'detdistill-control', gpu: 'detdistill-gpu' } as const;
export type Queue = keyof typeof QUEUES;

/** The options with which an activity is scheduled. */
export interface Scheduling {
  /** Temporal's activity type. Histories of running workflows name it: it stays. */
  readonly activity: string;
  readonly queue: Queue;
  /** The longest time that one attempt may take: a last resort, since heartbeats already tell whether it advances. */
  readonly startToClose: '2m' | '1h' | '2h' | '6h' | '1d' | '30d';
  /** Attempts are not counted: each restart of a worker costs one, and a long training must not run out of them. */
  readonly isRetriedForever?: boolean;
  /** Goes before others that wait for the same queue. */
  readonly isUrgent?: boolean;
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
    readonly test: number;
    readonly boxes: number;
    readonly dropped: number;
    readonly changed: number;
  };
}

export interface ExportInput {
  /** The artifact of a training; or the folder, or the address in a bucket, of a model that exists already. */
  readonly trained: ArtifactRef | { readonly folder: string };
  /** [height, width] of the network input; null: as trained. A teacher is exported at its student's size. */
  readonly image_size: readonly [number, number] | null;
  /** The classes that a model from elsewhere must know; null: any. */
  readonly classes: readonly string[] | null;
}

export type ExportResult = StageResult;

export interface EvaluateInput {
  readonly model: ArtifactRef;
  readonly dataset: ArtifactRef;
  readonly batchSize: number;
}

export type EvaluateResult = StageResult & Evaluated;

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

/** Something whose content is part of a key: the hash of an artifact, or files that are hashed where they lie. */
export type KeyedInput =
  string | { readonly dataset: Data } | { readonly modelFolder: string } | { readonly weights: string };

export interface KindOfStage<K extends StageKind> extends Scheduling {
  /** Raised by hand when the stage would give another result for the same input. */
  readonly version: number;
  /** The parts of an input that decide the result: the configuration that the stage reads, and the content that it reads. */
  readonly identity: (input: StageIO[K]['input']) => {
    readonly config: unknown;
    readonly inputs: Readonly<Record<string, KeyedInput>>;
  };
}

/** The properties that all stages of one kind share. */
export const STAGE_KINDS: { readonly [K in StageKind]: KindOfStage<K> } = {
  clean: {
    version: 6,
    activity: 'clean',
    queue: 'control',
    startToClose: '1d',
    identity: ({ data, seed }) => ({ config: { data, seed }, inputs: { files: { dataset: data } } }),
  },
  train: {
    version: 4,
    activity: 'train',
    queue: 'gpu',
    startToClose: '30d',
    isRetriedForever: true,
    identity: ({ training, role, mode, seed, dataset, teacher, online }) => {
      // How often a checkpoint is saved changes nothing in the result.
      const { checkpoint_interval_seconds: _, ...rest } = training;
      return {
        config: {
          training: rest,
          role,
          mode,
          seed,
          distillation: teacher?.distillation,
          ...(teacher?.views && { teacher_views: teacher.views }),
          ...(online && { online }),
        },
        inputs: {
          dataset: dataset.sha256,
          ...(teacher && { teacher: teacher.model.sha256 }),
          // Of files the content counts, else the name or the address.
          ...(isLocalWeights(training.pretrained) && { pretrained: { weights: training.pretrained } }),
        },
      };
    },
  },
  export: {
    version: 6,
    activity: 'exportModel',
    queue: 'gpu',
    startToClose: '2h',
    isUrgent: true,
    identity: ({ trained, image_size }) => ({
      config: { image_size },
      inputs: { trained: 'folder' in trained ? { modelFolder: trained.folder } : trained.sha256 },
    }),
  },
  evaluate: {
    version: 5,
    activity: 'evaluate',
    queue: 'gpu',
    startToClose: '1d',
    isUrgent: true,
    identity: ({ model, dataset }) => ({
      config: {},
      inputs: { model: model.sha256, dataset: dataset.sha256 },
    }),
  },
  advise: {
    version: 3,
    activity: 'advise',
    queue: 'control',
    startToClose: '1h',
    identity: ({ config, student, teacher }) => ({
      config,
      inputs: {
        report: student.report.sha256,
        trained: student.trained.sha256,
        ...(teacher && { teacher: teacher.report.sha256 }),
      },
    }),
  },
};

/** Steps of a run that leave no artifact: the check before the first stage, and the publication after the last. */
export const STEPS = {
  check: { activity: 'checkOutput', queue: 'control', startToClose: '2m' },
  publish: { activity: 'publish', queue: 'control', startToClose: '6h' },
} as const satisfies Readonly<Record<string, Scheduling>>;
export type StepName = StageName | keyof typeof STEPS;

export const schedulingOf = (step: StepName): Scheduling =>
  step === 'check' || step === 'publish' ? STEPS[step] : STAGE_KINDS[STAGES[step].kind];

export interface Stage<K extends StageKind> {
  readonly kind: K;
  /** Stages whose results its input is built from. Those that a run does not have are passed over. */
  readonly needs: readonly StageName[];
  /** Whether a run of this configuration has the stage; left out: every run has it. */
  readonly isPlanned?: (config: TeacherChoice) => boolean;
  /** @param finished holds the results of all stages that `needs` names and the run has */
  readonly input: (config: RunConfig, finished: FinishedStages) => StageIO[K]['input'];
}

/** The stages of a run, in the order in which they are shown. */
export const STAGES: { readonly [S in StageName]: Stage<KindOf<S>> } = {
  clean: {
    kind: 'clean',
    needs: [],
    input: ({ data, seed }) => ({ data, seed }),
  },
  'train-teacher': {
    kind: 'train',
    needs: ['clean'],
    isPlanned: ({ teacher }) => teacher !== null,
    input: ({ data, teacher, mode, seed }, finished) => ({
      role: 'teacher',
      training: existing(teacher, 'teacher'),
      mode,
      seed,
      dataset: artifactOf('clean', finished),
      data,
      teacher: null,
      online: null,
    }),
  },
  'export-teacher': {
    kind: 'export',
    needs: ['train-teacher'],
    isPlanned: isTaught,
    input: (config, finished) => ({
      trained: finished['train-teacher']?.artifact ?? {
        folder: existing(teacherFrom(config), 'teacher_model_url'),
      },
      // The size of the student's input: both networks then predict for the same anchors.
      image_size: config.student.image_size,
      // Not needed for the key: a teacher from elsewhere is checked against the classes once cleaning has found them.
      classes: finished.clean?.classes ?? null,
    }),
  },
  'evaluate-teacher': {
    kind: 'evaluate',
    needs: ['clean', 'export-teacher'],
    isPlanned: isTaught,
    input: evaluationOf('teacher'),
  },
  'train-student': {
    kind: 'train',
    needs: ['clean', 'export-teacher', 'evaluate-teacher'],
    input: ({ data, student, mode, seed, distillation }, finished) => ({
      role: 'student',
      training: student,
      mode,
      seed,
      dataset: artifactOf('clean', finished),
      data,
      teacher: teacherInput(distillation, finished),
      online: onlineWeights(distillation),
    }),
  },
  'export-student': {
    kind: 'export',
    needs: ['train-student'],
    input: (_config, finished) => ({
      trained: artifactOf('train-student', finished),
      image_size: null,
      classes: null,
    }),
  },
  'evaluate-student': {
    kind: 'evaluate',
    needs: ['clean', 'export-student'],
    input: evaluationOf('student'),
  },
  advise: {
    kind: 'advise',
    needs: ['train-student', 'evaluate-student', 'train-teacher', 'evaluate-teacher'],
    input: (config, finished) => {
      const teacherReport = finished['evaluate-teacher']?.artifact;
      return {
        config,
        student: {
          trained: artifactOf('train-student', finished),
          report: artifactOf('evaluate-student', finished),
        },
        teacher: teacherReport
          ? { trained: finished['train-teacher']?.artifact ?? null, report: teacherReport }
          : null,
      };
    },
  },
};

/** In the order in which they are shown. */
export const STAGE_NAMES = Object.keys(STAGES) as readonly StageName[]; // the keys of the table

/** The stages that a configuration asks for, in the order in which they are shown. */
export const plannedStages = (config: TeacherChoice): StageName[] =>
  STAGE_NAMES.filter(name => STAGES[name].isPlanned?.(config) ?? true);

/** Everything that a run leaves in its output folder. */
export function publishInput(config: RunConfig, finished: FinishedStages): PublishInput {
  const modelOf = (role: Role): { model: ArtifactRef; report: ArtifactRef } => ({
    model: artifactOf(`export-${role}`, finished),
    report: artifactOf(`evaluate-${role}`, finished),
  });
  return {
    config,
    student: { trained: artifactOf('train-student', finished), ...modelOf('student') },
    teacher: isTaught(config)
      ? { trained: finished['train-teacher']?.artifact ?? null, ...modelOf('teacher') }
      : null,
    suggestions: artifactOf('advise', finished),
  };
}

/** The teacher of a student, with its loss weights; null: the student learns from labels alone. */
function teacherInput(
  distillation: RunConfig['distillation'],
  { 'export-teacher': exported, 'evaluate-teacher': evaluated }: FinishedStages,
): TeacherInput | null {
  const weights = distillation.use_offline_kd ? softWeights(distillation) : null;
  if (!weights || !exported) return null;
  return {
    model: exported.artifact,
    // Runs that began before teachers were evaluated first have no evaluation yet.
    AP: evaluated?.metrics.AP ?? null,
    distillation: weights,
    views: distillation.teacher_views,
  };
}

function evaluationOf(role: Role): Stage<'evaluate'>['input'] {
  return (config, finished) => ({
    model: artifactOf(`export-${role}`, finished),
    dataset: artifactOf('clean', finished),
    batchSize: (config[role] ?? config.student).eval_batch_size,
  });
}

const artifactOf = (stage: StageName, finished: FinishedStages): ArtifactRef =>
  existing(finished[stage], stage).artifact;

/** A row that reads what its `needs` or `isPlanned` do not promise is a mistake of this table. */
function existing<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined)
    throw new Error(`${name}: the table of stages reads it too early`);
  return value;
}
