import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { asActivity } from '../../activities/context.js';
import type { StageContext } from '../../src/stages/context.js';
import { errors } from '../../src/errors/index.js';
import type { StageProgress } from '../../src/formats/progress.js';

afterEach(() => vi.useRealTimers());

interface Run {
  readonly environment: MockActivityEnvironment;
  readonly beats: StageProgress[];
  readonly ended: Promise<unknown>;
}

function start(work: (context: StageContext) => Promise<unknown>, heartbeatDetails?: StageProgress): Run {
  const environment = new MockActivityEnvironment(
    { heartbeatDetails },
    { logger: new DefaultLogger('ERROR') },
  );
  const beats: StageProgress[] = [];
  environment.on('heartbeat', (beat: StageProgress) => beats.push(beat));
  return { environment, beats, ended: environment.run(() => asActivity(work)) };
}

const progress = (phase: string, step: number): StageProgress => ({ phase, step, totalSteps: 9 });

describe('a stage as an activity', () => {
  it('says its progress, and keeps what must outlive the next step', async () => {
    const checkpoint = { step: 2, artifact: { uri: 'file:///a', sha256: 'a', bytes: 1 } };
    const { beats, ended } = start(async ({ onProgress }) => {
      onProgress({ ...progress('checkpoint', 2), checkpoint, note: 'adopted', itemsPerSecond: 4 });
      onProgress(progress('train', 3));
    });
    await ended;
    expect(beats.at(-1)).toEqual({ ...progress('train', 3), checkpoint, note: 'adopted' });
  });

  it('goes on at once when its worker ended, however often that was', async () => {
    const { environment, ended } = start(({ signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(errors.stopped(7))));
    });
    const details = { cancelRequested: false, paused: false, reset: false, timedOut: false, notFound: false };
    environment.cancel(
      'WORKER_SHUTDOWN',
      new ActivityCancellationDetails({ ...details, workerShutdown: true }),
    );
    await expect(ended).rejects.toMatchObject({
      type: 'WORKER_ENDED',
      nonRetryable: false,
      nextRetryDelay: '1s',
    });
  });

  it('learns what the attempt before said last', async () => {
    const last = progress('train', 7);
    const { ended } = start(context => Promise.resolve(context.last), last);
    expect(await ended).toEqual(last);
  });

  it('repeats its progress while it is fresh, and falls silent when it hangs', async () => {
    vi.useFakeTimers();
    const { beats, ended } = start(async ({ onProgress }) => {
      onProgress(progress('train', 1));
      await new Promise(resolve => setTimeout(resolve, 3_600_000));
    });
    await vi.advanceTimersByTimeAsync(590_000);
    const early = beats.length;
    expect(early).toBeGreaterThan(100);
    await vi.advanceTimersByTimeAsync(20_000);
    const silent = beats.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(beats.length).toBe(silent);
    await vi.advanceTimersByTimeAsync(3_600_000);
    await ended;
  });

  it('fails with the code, the facts and the hint of an error of ours', async () => {
    const error = errors.datasetMissing('/data/trees');
    const { ended } = start(() => Promise.reject(error));
    const failure: unknown = await ended.catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({
      type: 'DATA_MISSING',
      message: error.message,
      nonRetryable: true,
      details: [error.toJSON()],
    });
  });

  it.each([
    ['a lost connection', errors.storeFailed('s3://bucket', new Error('reset')), false],
    ['an error of the system', Object.assign(new Error('ENOSPC'), { syscall: 'write' }), false],
    ['a mistake of ours', new TypeError('undefined is not a function'), true],
  ])('%s: whether another attempt is refused', async (_, error, nonRetryable) => {
    const { ended } = start(() => Promise.reject(error));
    await expect(ended).rejects.toMatchObject({ nonRetryable });
  });

  it('is cancelled in Temporal’s own words, whatever the library threw, and says where it was', async () => {
    const { environment, beats, ended } = start(async ({ signal, onProgress }) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      onProgress(progress('checkpoint', 4));
      throw errors.stopped(4);
    });
    environment.cancel('PAUSED');
    const failure: unknown = await ended.catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(CancelledFailure);
    expect(failure).toMatchObject({ message: 'PAUSED' });
    expect(beats.at(-1)).toMatchObject({ step: 4 });
  });
});
