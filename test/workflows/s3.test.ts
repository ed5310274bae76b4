import { readdir } from 'node:fs/promises';
import { afterEach, expect, it, type TestContext, vi } from 'vitest';
import { planRun } from '../../src/stages/plan.js';
import { STAGE_NAMES } from '../../src/stages/stages.js';
import { openBucket } from '../../src/store/bucket.js';
import { readNotes } from '../stages/script.js';
import { startMinio } from '../minio.js';
import { CARD, openScene } from './scene.js';
import { readSettings } from '../../src/settings.js';

// Each starts several processes, on machines of any size.
afterEach(() => vi.unstubAllEnvs());

async function openBuckets(test: TestContext): Promise<void> {
  const minio = await startMinio();
  if ('unavailable' in minio) return test.skip(minio.unavailable);
  test.onTestFinished(minio.stop);
  for (const [name, value] of Object.entries(minio.env)) vi.stubEnv(name, value);
}

it('runs on a bucket in place of a folder by another URL, and goes on from checkpoints there', async test => {
  await openBuckets(test);
  const scene = await openScene({ storeUrl: 's3://runs/here' });
  test.onTestFinished(scene.close);
  await scene.play({ faults: [{ job: 'train-student', step: 13, how: 'crash', times: 1 }] });
  await scene.startWorkers();
  await scene.runs.start(scene.config({ teacher: true }));
  const { stages, folder } = await scene.runs.result('trees');
  expect(stages.map(({ state }) => state)).toEqual(STAGE_NAMES.map(() => 'done'));
  expect(await readdir(folder)).toContain('training.json');
  const begun = (await readNotes(scene.home)).filter(
    note => note.job === 'train-student' && note.what === 'begun',
  );
  expect(begun.map(({ step }) => step)).toEqual([0, 10]);
  expect(await readdir(scene.home)).not.toContain('artifacts');
});

it('leaves its results in a bucket, and takes a teacher from there', async test => {
  await openBuckets(test);
  const scene = await openScene();
  test.onTestFinished(scene.close);
  await scene.startWorkers();
  const teacher = { ...scene.config({ name: 'teacher', seed: 7 }), train_url: 'obs://results/teacher' };
  await scene.runs.start(teacher);
  const first = await scene.runs.result('teacher');
  expect(first.folder).toBe('obs://results/teacher');
  const keys = (await openBucket(first.folder, readSettings().s3).list('')).map(({ key }) => key);
  expect(keys).toEqual(expect.arrayContaining(['run.json', 'model/model.json', 'evaluation/report.json']));

  await openBucket(first.folder, readSettings().s3).putBytes(
    'model/model.json',
    Buffer.from(JSON.stringify(CARD)),
  );
  await openBucket(first.folder, readSettings().s3).putBytes(
    'model/variables/variables.index',
    Buffer.from('weights'),
  );

  const taught = (url: string) => ({
    ...scene.config({ name: 'taught', distillation: { teacher_model_url: url } }),
    deps_save_path: 's3://results/advice',
  });
  for (const [url, message] of [
    [first.folder, 'lies above the model: name obs://results/teacher/model'],
    [`${first.folder}/model/variables`, 'variables is a part of the model: name obs://results/teacher/model'],
    ['obs://results/nothing', 'there is no model.json'],
  ] as const)
    await expect(planRun(taught(url), scene.planContext)).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
      message: expect.stringContaining(message) as string,
    });
  const config = taught(`${first.folder}/model`);
  await scene.runs.start(config);
  const { teacher: measured } = await scene.runs.result('taught');
  expect(measured?.AP50).toBe(1);
  const advice = (await openBucket('s3://results/advice', readSettings().s3).list('')).map(({ key }) => key);
  expect(advice).toEqual(expect.arrayContaining(['report.json', 'suggestions.json']));
  expect((await planRun(config, scene.planContext)).every(({ will }) => will === 'reuse')).toBe(true);
});
