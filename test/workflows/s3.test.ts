import { readdir } from 'node:fs/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { STAGES } from '../../src/pipeline.js';
import { readNotes } from '../activities/script.js';
import { startMinio } from '../minio.js';
import { openScene } from './scene.js';

// Each starts several processes, on machines of any size.
vi.setConfig({ testTimeout: 240_000 });

afterEach(() => vi.unstubAllEnvs());

it('runs on a bucket in place of a folder by another URL, and goes on from checkpoints there', async test => {
  const minio = await startMinio();
  if ('unavailable' in minio) return test.skip(minio.unavailable);
  test.onTestFinished(minio.stop);
  vi.stubEnv('S3_ENDPOINT', minio.endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', minio.accessKey);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', minio.secretKey);
  const scene = await openScene({ storeUrl: 's3://runs/here' });
  test.onTestFinished(scene.close);
  await scene.play({ faults: [{ job: 'train-student', step: 13, how: 'crash', times: 1 }] });
  await scene.startWorkers();
  await scene.runs.start(scene.config({ teacher: true }));
  const { stages, folder } = await scene.runs.result('trees');
  expect(stages.map(({ state }) => state)).toEqual(STAGES.map(() => 'done'));
  expect(await readdir(folder)).toContain('training.json');
  const begun = (await readNotes(scene.home)).filter(
    note => note.job === 'train-student' && note.what === 'begun',
  );
  expect(begun.map(({ step }) => step)).toEqual([0, 10]);
  expect(await readdir(scene.home)).not.toContain('artifacts');
});
