import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyOf } from '../../src/stages/keys.js';
import { artifactKey } from '../../src/stages/reuse.js';
import { type PlanContext, planRun } from '../../src/stages/plan.js';
import { parseRunConfig, type RunConfig } from '../../src/config/run.js';
import { plannedStages, STAGES } from '../../src/stages/stages.js';
import type { ArtifactStore } from '../../src/store/artifact-store.js';
import { commitCheckpoint } from '../../src/store/checkpoints.js';
import { openStore } from '../../src/store/open-store.js';
import { readSettings } from '../../src/settings.js';

let folder: string;
let store: ArtifactStore;
let config: RunConfig;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'detdistill-plan-'));
  for (const name of ['data', 'work']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'work', 'file'), 'content');
  store = openStore({
    ...readSettings(),
    storeUrl: pathToFileURL(join(folder, 'store')).href,
    cacheFolder: join(folder, 'cache'),
  });
  const model = { model_name: 'efficientdet-d0' };
  config = parseRunConfig(
    { name: 'a', data: { train: join(folder, 'data') }, teacher: model, student: model },
    'test',
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const context = (): PlanContext => ({ ...readSettings(), store, cacheFolder: join(folder, 'cache') });
const work = (): string => join(folder, 'work');
const cleanKey = (): Promise<string> => keyOf('clean', STAGES.clean.input(config, {}), context());
const COUNTS = { train: 1, eval: 1, test: 0, boxes: 2, dropped: 0, changed: 0 };
const FACTS = { facts: { classes: [], counts: COUNTS }, seconds: 0 };
const will = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await planRun(config, context())).map(({ name, will: what }) => [name, what]));

describe('planRun', () => {
  it('runs the first stage of an empty store; what depends on its result waits', async () => {
    const planned = await planRun(config, context());
    expect(planned.map(({ name }) => name)).toEqual(plannedStages(config));
    expect(planned.map(({ will: what }) => what)).toEqual(['run', ...Array<string>(7).fill('wait')]);
    expect(planned[1]).toMatchObject({ key: null, reason: 'depends on the result of clean' });
  });

  it('reuses what the same inputs gave, resumes from a checkpoint, and looks no further', async () => {
    const key = await cleanKey();
    const dataset = await store.commit(artifactKey('clean', key), work(), { facts: FACTS });
    expect(await will()).toMatchObject({ clean: 'reuse', 'train-teacher': 'run', 'export-teacher': 'wait' });

    const clean = { artifact: dataset, reused: true, seconds: 0, classes: [], counts: COUNTS };
    const teacherKey = await keyOf('train', STAGES['train-teacher'].input(config, { clean }), context());
    await commitCheckpoint(store, teacherKey, { step: 90, folder: work(), keep: 2 });
    await commitCheckpoint(store, teacherKey, { step: 120, folder: work(), keep: 2 });
    const planned = await planRun(config, context());
    expect(planned[1]).toEqual({
      name: 'train-teacher',
      will: 'resume',
      reason: 'goes on from step 120',
      key: teacherKey,
    });
  });

  it('plans a student that learns from labels alone without waiting for its teacher', async () => {
    await store.commit(artifactKey('clean', await cleanKey()), work(), { facts: FACTS });
    expect((await will())['train-student']).toBe('wait');
    config = { ...config, teacher: null };
    expect(await will()).toMatchObject({ clean: 'reuse', 'train-student': 'run', advise: 'wait' });
  });
});
