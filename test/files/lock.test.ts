import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../src/files/lock.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'detdistill-lock-'));
  path = join(folder, 'work.lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const writeHolder = (pid: number): Promise<void> =>
  writeFile(path, JSON.stringify({ pid, host: hostname(), id: 'of another' }));

describe('withLock', () => {
  it('lets one in at a time', async () => {
    let [inside, most] = [0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, (inside += 1));
      await sleep(20);
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withLock(path, work)));
    expect(most).toBe(1);
  });

  it('leaves no file behind, whether the work succeeds or fails', async () => {
    expect(await withLock(path, () => Promise.resolve('done'))).toBe('done');
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes over from a process that is gone', async () => {
    await writeHolder(spawnSync(process.execPath, ['-e', '']).pid);
    expect(await withLock(path, () => Promise.resolve('mine'))).toBe('mine');
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes over a lock that nobody has touched for long, wherever its holder runs', async () => {
    await writeFile(path, JSON.stringify({ pid: 1, host: 'another machine', id: 'x' }));
    const long = new Date(Date.now() - 120_000);
    await utimes(path, long, long);
    expect(await withLock(path, () => Promise.resolve('mine'))).toBe('mine');
  });

  it('waits for a holder that lives', async () => {
    await writeHolder(process.pid);
    const mine = withLock(path, () => Promise.resolve('mine'));
    expect(await Promise.race([mine, sleep(400).then(() => 'waiting')])).toBe('waiting');
    await rm(path);
    expect(await mine).toBe('mine');
  });
});
