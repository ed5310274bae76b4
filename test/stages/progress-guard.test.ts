import { describe, expect, it, vi } from 'vitest';
import { guardingProgress } from '../../src/stages/progress-guard.js';
import { errors } from '../../src/errors/index.js';
import type { StageProgress } from '../../src/formats/progress.js';

const crash = errors.trainerCrashed({ how: 'SIGKILL', outputTail: '' });
const checkpoint = (step: number): StageProgress['checkpoint'] => ({
  step,
  artifact: { uri: 'file:///a', sha256: 'a', bytes: 1 },
});

/** Attempts one after the other, each told what the one before said last. */
async function attempts(endings: readonly Error[], saved: readonly number[] = []): Promise<unknown[]> {
  let last: StageProgress | undefined;
  const ended: unknown[] = [];
  for (const [index, ending] of endings.entries()) {
    const onProgress = (progress: StageProgress): void => void (last = { ...last, ...progress });
    const work = (): Promise<never> => {
      if (saved[index] !== undefined)
        onProgress({ phase: 'checkpoint', step: 0, totalSteps: 9, checkpoint: checkpoint(saved[index]) });
      return Promise.reject(ending);
    };
    ended.push(await guardingProgress({ last, onProgress }, work).catch((error: unknown) => error));
  }
  return ended;
}

describe('guardingProgress', () => {
  it('lets three attempts begin at one checkpoint, not four', async () => {
    expect(await attempts([crash, crash, crash, crash])).toEqual([
      crash,
      crash,
      crash,
      expect.objectContaining({ code: 'NO_PROGRESS', retryable: false }),
    ]);
  });

  it('lets any number begin as long as each saves something', async () => {
    const endings = Array<Error>(6).fill(crash);
    expect(await attempts(endings, [1, 2, 3, 4, 5, 6])).toEqual(endings);
  });

  it('does not count what was not the trainer’s doing: a lost connection, a worker that ends', async () => {
    const lost = errors.storeFailed('s3://bucket', new Error('reset'));
    const endings = [lost, lost, errors.stopped(0), new Error('WORKER_SHUTDOWN'), lost, crash, crash, crash];
    expect(await attempts(endings)).toEqual(endings);
  });

  it('counts attempts whose worker died with the trainer, and could not say so', async () => {
    const begun = { step: 5, attempts: 3 };
    const last = { phase: 'train', step: 8, totalSteps: 9, checkpoint: checkpoint(5), begun };
    const work = vi.fn();
    await expect(guardingProgress({ last, onProgress: () => undefined }, work)).rejects.toMatchObject({
      code: 'NO_PROGRESS',
      facts: { step: 5 },
    });
    expect(work).not.toHaveBeenCalled();
  });
});
