import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inWorkFolder, removeAbandonedWork, sharedFolder } from '../../src/stages/work-folder.js';
import { readSettings, type Settings } from '../../src/settings.js';

let settings: Settings;
beforeEach(async () => {
  settings = readSettings({ DETDISTILL_HOME: await mkdtemp(join(tmpdir(), 'detdistill-home-')) });
});
afterEach(() => rm(settings.home, { recursive: true, force: true }));

describe('removeAbandonedWork', () => {
  it('removes what a killed process of this machine left, and nothing else', async () => {
    const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
    const abandoned = `train-abc.${hostname()}.${gone}.x1y2z3`;
    const elsewhere = `train-abc.another.machine.org.${gone}.x1y2z3`;
    for (const name of [abandoned, elsewhere, 'notes'])
      await mkdir(join(settings.home, 'work', name, 'artifact'), { recursive: true });
    await inWorkFolder(settings, 'train-def', async folder => {
      await removeAbandonedWork(settings);
      expect(await readdir(folder)).toEqual([]);
    });
    expect((await readdir(join(settings.home, 'work'))).sort()).toEqual(['notes', elsewhere]);
  });

  it('removes what attempts of a stage share when none has begun with it for a week', async () => {
    const [used, left] = ['used', 'left'].map(name => sharedFolder(settings, name));
    const days = (count: number): Date => new Date(Date.now() - count * 24 * 3600 * 1000);
    for (const folder of [used!, left!]) await mkdir(join(folder, '0'), { recursive: true });
    await utimes(used!, days(6), days(6));
    await utimes(left!, days(8), days(8));
    await removeAbandonedWork(settings);
    expect(await readdir(join(settings.home, 'work'))).toEqual([basename(used!)]);
  });

  it('has nothing to do where nobody worked', async () => {
    await expect(removeAbandonedWork(settings)).resolves.toBeUndefined();
  });
});
