import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Embedded, startEmbedded } from '../../workers/embedded.js';
import { parseRunConfig } from '../../src/config/run.js';
import { connectRuns } from '../../src/runs/runs.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { providedTemporal } from '../temporal.js';

let settings: Settings;
let embedded: Embedded;
beforeAll(async () => {
  const home = await mkdtemp(join(tmpdir(), 'detdistill-home-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  const own = readSettings({ DETDISTILL_HOME: home, DETDISTILL_PORT: String(port) });
  settings = { ...own, cacheFolder: readSettings().cacheFolder, temporalCli: await providedTemporal() };
  embedded = await startEmbedded(settings);
});
afterAll(async () => {
  await embedded.stop();
  await rm(settings.home, { recursive: true, force: true, maxRetries: 5 });
});

describe('the embedded form', () => {
  it('takes runs, and its clients find it by the settings alone', async () => {
    const runs = await connectRuns(settings);
    const train = join(settings.home, 'nothing-here');
    const student = { model_name: 'efficientdet-d0' };
    await runs.start(parseRunConfig({ name: 'empty', data: { train }, student }, 'test'));
    await expect(runs.result('empty')).rejects.toMatchObject({
      code: 'DATA_MISSING',
      message: `${train}: file or folder not found`,
    });
    await runs.close();
  });

  it('is joined by a second one, whose end changes nothing', async () => {
    const second = await startEmbedded(settings);
    expect(second.address).toBe(embedded.address);
    await second.stop();
    const runs = await connectRuns(settings);
    expect((await runs.view('empty')).state).toBe('failed');
    await runs.close();
  });

  it('is inherited by one that joined it, which then takes runs', async () => {
    const heir = await startEmbedded(settings);
    await embedded.stop();
    embedded = heir;
    const runs = await vi.waitFor(() => connectRuns(settings), { timeout: 300_000, interval: 200 });
    expect((await runs.view('empty')).state).toBe('failed');
    const data = { train: join(settings.home, 'nothing-here-either') };
    const student = { model_name: 'efficientdet-d0' };
    await runs.start(parseRunConfig({ name: 'inherited', data, student }, 'test'));
    await expect(runs.result('inherited')).rejects.toMatchObject({ code: 'DATA_MISSING' });
    await runs.close();
  });

  it('logs into the home', async () => {
    const lines = (await readFile(join(settings.home, 'logs', 'worker.log'), 'utf8')).trim().split('\n');
    expect(lines.map(line => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ taskQueue: 'detdistill-gpu', msg: 'Worker state changed' }),
    );
  });
});
