import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRuns, type Runs } from '../../src/api.js';
import { openScene, type Scene } from '../workflows/scene.js';

let scene: Scene;
let runs: Runs;
beforeAll(async () => {
  scene = await openScene();
  runs = await openRuns(scene.settings);
});
afterAll(async () => {
  await runs.close();
  await scene.close();
});

describe('launching a run from a program', () => {
  it('takes what a run file holds, and follows the run to its result', async () => {
    const { data } = scene.config();
    const run = await runs.launch({
      name: 'from-a-program',
      data: { train: data.train },
      student: { model_name: 'efficientdet-d0', image_size: 64 },
    });
    expect(run).toMatchObject({ id: 'from-a-program', joined: false, warnings: [] });
    expect((await run.view()).state).toBe('running');
    await scene.startWorkers();
    const { student, folder } = await run.result();
    expect([student.AP50, folder]).toEqual([1, resolve(scene.home, 'runs', 'from-a-program')]);
  });

  it('takes a job under ModelArts’ parameters, hparams as text or by name', async () => {
    const { data } = scene.config();
    const job = {
      data_url: data.train,
      train_url: resolve(scene.home, 'out', 'trees'),
      model_name: 'efficientdet-d0',
      num_epochs: 2,
    } as const;
    const run = await runs.launch({ ...job, hparams: { learning_rate: 0.02, first_lr_drop_epoch: 200 } });
    expect(run.warnings).toEqual([expect.stringContaining('first_lr_drop_epoch')]);
    expect((await run.result()).folder).toBe(job.train_url);
    const again = { ...job, hparams: 'moving_average_decay=0,learning_rate=0.02' };
    const { stages } = await (await runs.launch(again)).result();
    // The same job in other words.
    expect(new Set(stages.map(({ state }) => state))).toEqual(new Set(['reused']));
  });

  it('refuses what does not fit together, before anything starts', async () => {
    const known = (await runs.list()).length;
    const job = { data_url: 'd', train_url: 'o', model_name: 'efficientdet-d1' } as const;
    for (const input of [
      { ...job, use_offline_kd: true, hparams: 'learning_rate=0.1' },
      { name: 'Upper Case', data: { train: 'd' }, student: { model_name: 'efficientdet-d1' } },
    ] as const)
      await expect(runs.launch(input)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await runs.list()).toHaveLength(known);
  });
});
