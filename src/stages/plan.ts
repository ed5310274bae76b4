import type { RunConfig } from '../config/run.js';
import type { FinishedStages, StageName } from './stages.js';
import type { Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { keyOf } from './keys.js';
import { findFinished } from './reuse.js';
import { plannedStages, STAGES } from './stages.js';

export interface PlannedStage {
  readonly name: StageName;
  /** reuse: a finished one with the same key is there; resume: from a checkpoint; wait: known once others have run. */
  readonly will: 'reuse' | 'resume' | 'run' | 'wait';
  /** Why, for people. */
  readonly reason: string;
  /** When the stage finished that is reused. */
  readonly finishedAt?: Date;
  /** null: depends on the result of a stage that has to run first. */
  readonly key: string | null;
}

export interface PlanContext extends Pick<Settings, 'cacheFolder' | 's3' | 'home'> {
  readonly store: ArtifactStore;
}

/**
 * What a run would do with what the store holds. Nothing is started, and nothing is written but the copy of a teacher that
 * lies in a bucket.
 */
export async function planRun(config: RunConfig, context: PlanContext): Promise<PlannedStage[]> {
  const names = plannedStages(config);
  let finished: FinishedStages = {};
  const planned: PlannedStage[] = [];
  for (const name of names) {
    const missing = STAGES[name].needs.filter(need => names.includes(need) && !finished[need]);
    if (missing.length > 0) {
      planned.push({
        name,
        will: 'wait',
        reason: `depends on the result of ${missing.join(' and ')}`,
        key: null,
      });
      continue;
    }
    const { kind, input } = STAGES[name];
    const key = await keyOf(kind, input(config, finished), context);
    const found = await findFinished(context.store, kind, key);
    if (found) finished = { ...finished, [name]: found.result };
    planned.push({
      name,
      key,
      ...(found ? reuseOf(found.created) : await planUnfinished(context.store, key)),
    });
  }
  return planned;
}

type Decision = Pick<PlannedStage, 'will' | 'reason' | 'finishedAt'>;

const reuseOf = (finishedAt: Date): Decision => ({
  will: 'reuse',
  reason: 'finished with the same inputs and settings',
  finishedAt,
});

async function planUnfinished(store: ArtifactStore, key: string): Promise<Decision> {
  const newest = (await store.list(`checkpoints/${key}`)).at(-1);
  if (newest === undefined) return { will: 'run', reason: 'nothing finished has these inputs and settings' };
  return { will: 'resume', reason: `goes on from step ${Number(newest.split('-').at(-1))}` };
}
