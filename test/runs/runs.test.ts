import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRunConfig, type RunConfig } from '../../src/config/run.js';
import { connectRuns, type Runs } from '../../src/runs/runs.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { startTemporal } from '../temporal.js';

let temporal: Awaited<ReturnType<typeof startTemporal>>;
let settings: Settings;
let runs: Runs;
beforeAll(async () => {
  temporal = await startTemporal();
  settings = { ...readSettings({}), temporalAddress: temporal.address };
  runs = await connectRuns(settings);
});
afterAll(async () => {
  await runs.close();
  await temporal.teardown();
});

const config = (name: string, seed = 1): RunConfig =>
  parseRunConfig(
    { name, seed, data: { train: '/nowhere' }, student: { model_name: 'efficientdet-d0' } },
    'test',
  );

// No worker runs here: everything must be known from the server alone.
describe('a run that no worker has taken', () => {
  it('is shown with its stages', async () => {
    await runs.start(config('waiting'));
    const { state, paused, stages, progress } = await runs.view('waiting');
    expect({ state, paused, progress }).toEqual({ state: 'running', paused: false, progress: [] });
    expect(stages.map(stage => [stage.name, stage.state])).toEqual(
      ['clean', 'train-student', 'export-student', 'evaluate-student', 'advise'].map(name => [
        name,
        'waiting',
      ]),
    );
  });

  it('is joined when it is started again', async () => {
    await runs.start(config('twice'));
    expect(await runs.start(config('twice'))).toEqual({ id: 'twice', joined: true });
  });

  it('is not taken for one of another configuration', async () => {
    await runs.start(config('changed'));
    await expect(runs.start(config('changed', 2))).rejects.toMatchObject({ code: 'RUN_DIFFERS' });
  });

  it('shows that it was asked to pause, and to go on', async () => {
    await runs.start(config('asked'));
    await runs.pause('asked');
    expect((await runs.view('asked')).state).toBe('paused');
    await runs.resume('asked');
    expect((await runs.view('asked')).state).toBe('running');
    expect((await runs.history('asked')).map(({ what }) => what)).toEqual([
      'run started: asked',
      'asked to pause',
      'asked to resume',
    ]);
  });

  it('may be terminated, which counts as cancelled', async () => {
    await runs.start(config('ended'));
    await temporal.client.workflow.getHandle('distill/ended').terminate('enough');
    expect((await runs.view('ended')).state).toBe('cancelled');
    await expect(runs.result('ended')).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });

  it('is listed', async () => {
    await runs.start(config('listed'));
    // What is listed follows what is done with a little delay.
    await expect
      .poll(() => runs.list())
      .toContainEqual({ id: 'listed', state: 'running', started: expect.any(Date) as Date, ended: null });
  });
});

describe('a run that does not exist', () => {
  it.each(['view', 'history', 'pause', 'resume', 'cancel', 'result'] as const)(
    'is named by %s',
    async method => {
      await expect(runs[method]('unknown')).rejects.toMatchObject({
        code: 'RUN_MISSING',
        message: 'unknown: run not found',
      });
    },
  );
});

describe('a server that', () => {
  it('is not there is named with its address and what to do', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    await expect(connectRuns({ ...settings, temporalAddress: `127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: `127.0.0.1:${port}: no Temporal server responds`,
      retryable: true,
      hint: expect.stringContaining('detdistill dev') as string,
    });
  });

  it('has no such namespace says so', async () => {
    const lost = await connectRuns({ ...settings, temporalNamespace: 'elsewhere' });
    await expect(lost.start(config('lost'))).rejects.toMatchObject({
      code: 'NAMESPACE_MISSING',
      message: `${temporal.address}: namespace elsewhere not found`,
    });
    await expect(lost.list()).rejects.toMatchObject({ code: 'NAMESPACE_MISSING' });
    await lost.close();
  });

  it('is left while a result is awaited ends the waiting, not the process', async () => {
    const leaving = await connectRuns(settings);
    await leaving.start(config('left'));
    const ended = expect(leaving.result('left')).rejects.toThrow();
    await leaving.close();
    await ended;
  });
});
