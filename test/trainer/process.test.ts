import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runTrainer, type Trainer } from '../../src/trainer/process.js';
import { readSettings } from '../../src/settings.js';

const TRAINER: Trainer = {
  program: new URL('protocol-trainer.ts', import.meta.url),
  limits: { stallSeconds: () => 300, pollIntervalMs: 50, stopGraceMs: 300_000 },
};

let home: string;
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'detdistill-home-'))));
afterEach(() => rm(home, { recursive: true, force: true }));

interface Options {
  readonly limits?: Partial<Trainer['limits']>;
  readonly signal?: AbortSignal;
  readonly onProgress?: () => void;
}

const run = (deed: string, { limits, signal, onProgress }: Options = {}): Promise<unknown> =>
  runTrainer(
    { kind: 'predict', model: deed, images: [], minScore: 0 },
    {
      settings: readSettings({ DETDISTILL_HOME: home }),
      signal: signal ?? new AbortController().signal,
      onProgress: onProgress ?? (() => undefined),
      trainer: { ...TRAINER, limits: { ...TRAINER.limits, ...limits } },
    },
  );

describe('the trainer process', () => {
  it('reports progress, and gives its result with typed arrays whole, from a process of its own', async () => {
    const onProgress = vi.fn();
    const result = await run('answer', { onProgress });
    expect(result).toMatchObject({ values: new Float32Array([1, 2.5]) });
    expect(result).not.toMatchObject({ pid: process.pid });
    expect(onProgress.mock.calls).toEqual([[{ phase: 'train', step: 1, totalSteps: 2 }]]);
  });

  it('passes errors on with code, facts and whether another attempt may help', async () => {
    await expect(run('refuse')).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      retryable: false,
      facts: { step: 3 },
    });
  });

  it('that crashes is named with its signal and its last words, and may be tried again', async () => {
    await expect(run('crash')).rejects.toMatchObject({
      code: 'TRAINER_CRASHED',
      retryable: true,
      facts: { how: 'SIGSEGV', outputTail: 'line 4\nline 5\nline 6\nline 7\nline 8' },
    });
    expect(await readFile(join(home, 'logs', 'trainer.log'), 'utf8')).toContain('line 0\n');
  });

  it('that ends without an answer has crashed', async () => {
    await expect(run('exit')).rejects.toMatchObject({ facts: { how: 'exit status 3' } });
  });

  it('is killed when a phase says nothing for too long', async () => {
    const stallSeconds = vi.fn(() => 1.5);
    await expect(run('hang', { limits: { stallSeconds } })).rejects.toMatchObject({
      code: 'TRAINER_HUNG',
      retryable: true,
      facts: { phase: 'start' },
    });
    expect(stallSeconds).toHaveBeenCalledWith('start');
  });

  it('is asked to stop, and may save before it ends', async () => {
    const signal = AbortSignal.timeout(1_000);
    await expect(run('obey', { signal })).rejects.toMatchObject({ code: 'STOPPED', facts: { step: 7 } });
  });

  it('is killed when it does not stop', async () => {
    const signal = AbortSignal.timeout(500);
    await expect(run('deaf', { signal, limits: { stopGraceMs: 300 } })).rejects.toMatchObject({
      code: 'TRAINER_CRASHED',
      facts: { how: 'SIGKILL' },
    });
  });

  it('does not begin when it is stopped before', async () => {
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(run('answer', { signal })).rejects.toThrow('cancelled');
  });

  it('ends with its parent, however that ends', async () => {
    const parent = fork(fileURLToPath(new URL('orphan-parent.ts', import.meta.url)), [home], {
      execArgv: ['--import', 'tsx'],
    });
    const [trainer] = (await once(parent, 'message')) as [number];
    expect(isAlive(trainer)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(trainer)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
