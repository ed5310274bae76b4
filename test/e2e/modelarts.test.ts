import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSettings } from '../../src/settings.js';
import { freePort } from '../../src/runs/listening.js';
import { writeTrees } from './trees.js';
import { matchesGuide, readGuide, runStep, type Shell, startStep } from './walk.js';

const ROOT = join(import.meta.dirname, '../..');
/** Where the guide's reader works. */
const READERS_FOLDER = '/home/you';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'detdistill-walk-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the guide for people who come from ModelArts says what happens', async () => {
  const { steps, files } = readGuide(await readFile(join(ROOT, 'docs/modelarts.md'), 'utf8'));
  expect(steps.length).toBeGreaterThan(8);
  await writeTrees(join(folder, 'trees'));
  for (const { name, text } of files) await writeFile(join(folder, name), text);
  const [home, bin] = [join(folder, '.home'), join(folder, '.bin')];
  for (const path of [home, bin]) await mkdir(path);
  await symlink(readSettings().cacheFolder, join(home, 'cache'));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/detdistill.mjs')}' "$@"\n`;
  await writeFile(join(bin, 'detdistill'), program, { mode: 0o755 });
  const port = String(await freePort());
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    DETDISTILL_HOME: home,
    DETDISTILL_PORT: String(await freePort()),
    NO_COLOR: '1',
  };
  const said = (text: string): string => text.replaceAll(folder, READERS_FOLDER).replaceAll(port, '8501');
  const servers: { stop: () => Promise<void> }[] = [];
  try {
    for (const { command, expected } of steps) {
      const isServer = command.endsWith('&');
      const real = command.replace(/\s*&$/, isServer ? ` --port ${port}` : '').replaceAll('8501', port);
      const shell = { cwd: folder, env };
      let printed: string;
      if (isServer) {
        const server = await startStep(real, shell);
        servers.push(server);
        printed = server.printed;
      } else printed = await runStep(real, shell);
      expect(matchesGuide(said(printed), expected), `$ ${command}\n${said(printed)}`).toBe(true);
    }
    await expectEqualMetrics({ cwd: folder, env });
  } finally {
    for (const server of servers) await server.stop();
  }
}, 1_500_000);

/**
 * What training measured last of its best checkpoint is what the exported model measures, by the library that it was
 * trained with: after a few steps nearly all scores are equal, and another's last digits change their order.
 */
async function expectEqualMetrics({ cwd, env }: Shell): Promise<void> {
  const read = async <T>(name: string): Promise<T> =>
    JSON.parse(await readFile(join(cwd, 'out/student', name), 'utf8')) as T;
  type Metrics = Record<string, number>;
  const trained = await read<Metrics>('archive/best_eval.json');
  const command = 'detdistill evaluate --model out/student --data trees/V001.manifest --json';
  const printed = await runStep(command, { cwd, env: { ...env, DETDISTILL_ENGINE: 'tensorflow' } });
  const evaluated = JSON.parse(printed) as Metrics;
  const { step: _, ...metrics } = trained;
  expect(Object.keys(metrics)).toHaveLength(12);
  for (const [name, value] of Object.entries(metrics)) expect(evaluated[name], name).toBeCloseTo(value, 6);
}
