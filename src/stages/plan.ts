import { adviseKey, cleanKey, evaluateKey, exportKey, trainKey } from './keys.js';
import { artifactKey, type StageKind } from './reuse.js';
import type { RunConfig } from '../config/run.js';
import type { Settings } from '../settings.js';
import { fetchModel } from '../store/fetch-model.js';
import type { ArtifactRef } from '../formats/artifact.js';
import { onlineWeights, plannedStages, teacherInput, type StageName, teacherFrom } from './stages.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { formatTime } from '../cli/format.js';

export interface PlannedStage {
  readonly name: StageName;
  /** reuse: a finished one with the same key is there; resume: from a checkpoint; wait: known once others have run. */
  readonly will: 'reuse' | 'resume' | 'run' | 'wait';
  /** Why, for people. */
  readonly reason: string;
  /** null: depends on the result of a stage that has to run first. */
  readonly key: string | null;
}

type Made = ReadonlyMap<StageName, ArtifactRef>;

interface StagePlan {
  readonly kind: StageKind;
  /** Stages whose artifacts its key depends on; those that the run does not have are left out. */
  readonly needs: readonly StageName[];
  readonly keyOf: (config: RunConfig, made: Made, context: PlanContext) => string | Promise<string>;
}

export interface PlanContext extends Pick<Settings, 'cacheFolder' | 's3'> {
  readonly store: ArtifactStore;
}

const PLANS: Readonly<Record<StageName, StagePlan>> = {
  clean: { kind: 'clean', needs: [], keyOf: ({ data, seed }, _made, { s3 }) => cleanKey({ data, seed }, s3) },
  'train-teacher': {
    kind: 'train',
    needs: ['clean'],
    keyOf: ({ teacher, mode, seed }, made) =>
      trainKey({
        role: 'teacher',
        training: teacher!,
        mode,
        seed,
        dataset: ref(made, 'clean'),
        teacher: null,
        online: null,
      }),
  },
  'export-teacher': {
    kind: 'export',
    needs: ['train-teacher'],
    keyOf: async (config, made, context) =>
      exportKey({
        trained: made.get('train-teacher') ?? { folder: await fetchModel(teacherFrom(config)!, context) },
        image_size: config.student.image_size,
      }),
  },
  'evaluate-teacher': { kind: 'evaluate', needs: ['export-teacher'], keyOf: evaluationOf('teacher') },
  'train-student': {
    kind: 'train',
    needs: ['clean', 'export-teacher'],
    keyOf: ({ student, mode, seed, distillation }, made) =>
      trainKey({
        role: 'student',
        training: student,
        mode,
        seed,
        dataset: ref(made, 'clean'),
        teacher: teacherInput(distillation, made.get('export-teacher')),
        online: onlineWeights(distillation),
      }),
  },
  'export-student': {
    kind: 'export',
    needs: ['train-student'],
    keyOf: (_config, made) => exportKey({ trained: ref(made, 'train-student'), image_size: null }),
  },
  'evaluate-student': { kind: 'evaluate', needs: ['export-student'], keyOf: evaluationOf('student') },
  advise: {
    kind: 'advise',
    needs: ['evaluate-student', 'evaluate-teacher'],
    keyOf: (config, made) => {
      const report = made.get('evaluate-teacher');
      return adviseKey({
        config,
        student: { trained: ref(made, 'train-student'), report: ref(made, 'evaluate-student') },
        teacher: report ? { trained: made.get('train-teacher') ?? null, report } : null,
      });
    },
  },
};

/** What a run would do with what the store holds; nothing is started, and nothing written but the copy of a teacher from elsewhere. */
export async function planRun(config: RunConfig, context: PlanContext): Promise<PlannedStage[]> {
  const { store } = context;
  const names = plannedStages(config);
  const made = new Map<StageName, ArtifactRef>();
  const planned: PlannedStage[] = [];
  for (const name of names) {
    const { kind, needs, keyOf } = PLANS[name];
    const missing = needs.filter(need => names.includes(need) && !made.has(need));
    if (missing.length > 0) {
      planned.push({
        name,
        will: 'wait',
        reason: `depends on the result of ${missing.join(' and ')}`,
        key: null,
      });
      continue;
    }
    const key = await keyOf(config, made, context);
    const found = await store.find(artifactKey(kind, key));
    if (found) made.set(name, found.ref);
    planned.push(
      found
        ? {
            name,
            will: 'reuse',
            reason: `finished ${formatTime(new Date(found.manifest.created))} with the same inputs and settings`,
            key,
          }
        : { name, key, ...(await planUnfinished(store, key)) },
    );
  }
  return planned;
}

async function planUnfinished(
  store: ArtifactStore,
  key: string,
): Promise<Pick<PlannedStage, 'will' | 'reason'>> {
  const newest = (await store.list(`checkpoints/${key}`)).at(-1);
  if (newest === undefined) return { will: 'run', reason: 'nothing finished has these inputs and settings' };
  return { will: 'resume', reason: `goes on from step ${Number(newest.split('-').at(-1))}` };
}

function evaluationOf(role: 'teacher' | 'student'): StagePlan['keyOf'] {
  return (config, made) =>
    evaluateKey({
      model: ref(made, `export-${role}`),
      dataset: ref(made, 'clean'),
      batchSize: (config[role] ?? config.student).eval_batch_size,
    });
}

/** Of a stage that `needs` names, hence made. */
const ref = (made: Made, stage: StageName): ArtifactRef => made.get(stage)!;
