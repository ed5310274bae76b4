import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readNotes, type TrainerNote } from '../stages/script.js';
import { fakeTrainer, lookUntil, openScene, type Scene, type Workers } from './scene.js';

// Each starts several processes, on machines of any size.
let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const ofStudent = async (): Promise<TrainerNote[]> =>
  (await readNotes(scene.home)).filter(({ job }) => job === 'train-student');
const steps = (notes: readonly TrainerNote[], what: TrainerNote['what']): number[] =>
  notes.filter(note => note.what === what).map(({ step }) => step);
const since = async (count: number): Promise<TrainerNote[]> => (await ofStudent()).slice(count);

async function startWorkers(options?: Parameters<Scene['startWorkers']>[0]): Promise<Workers> {
  const workers = await scene.startWorkers(options);
  onTestFinished(() => workers.stop());
  return workers;
}

async function startTraining(name: string, seed: number): Promise<number> {
  const before = (await ofStudent()).length;
  await scene.runs.start(scene.config({ name, seed }));
  await lookUntil(scene.runs, name, ({ progress }) =>
    progress.some(({ step, progress: said }) => step === 'train-student' && (said?.step ?? 0) > 2),
  );
  return before;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a pause', () => {
  it('saves a checkpoint, frees the GPU, and ends where it began', async () => {
    await scene.play({ stepMs: 100 });
    await startWorkers();
    const before = await startTraining('paused', 1);
    await scene.runs.pause('paused');
    const view = await lookUntil(scene.runs, 'paused', ({ stages }) =>
      stages.some(({ name, state }) => name === 'train-student' && state === 'paused'),
    );
    expect(view).toMatchObject({ state: 'paused', paused: true, progress: [] });
    const [{ pid }, ...rest] = (await since(before)) as [TrainerNote, ...TrainerNote[]];
    const [stoppedAt] = steps(rest, 'stopped');
    expect(stoppedAt).toBeGreaterThan(2);
    expect(isAlive(pid)).toBe(false);
    expect(await scene.runs.list()).toMatchObject([{ id: 'paused', state: 'paused' }]);
    await scene.runs.resume('paused');
    await scene.runs.result('paused');
    expect(steps(await since(before), 'begun')).toEqual([0, stoppedAt]);
  });

  it('that is taken back before the checkpoint is saved leaves the run going', async () => {
    await scene.play({ stepMs: 50, saveMs: 500 });
    await startWorkers();
    await startTraining('hesitating', 2);
    await scene.runs.pause('hesitating');
    await scene.runs.resume('hesitating');
    expect((await scene.runs.result('hesitating')).student.AP50).toBe(1);
  });

  it('lets a run be cancelled', async () => {
    await scene.play({ stepMs: 100 });
    await startWorkers();
    await startTraining('waiting', 3);
    await scene.runs.pause('waiting');
    await lookUntil(scene.runs, 'waiting', ({ progress }) => progress.length === 0);
    await scene.runs.cancel('waiting');
    await expect(scene.runs.result('waiting')).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });
});

describe('cancelling', () => {
  it('waits for the checkpoint, from which the run goes on when it is started again', async () => {
    await scene.play({ stepMs: 100, saveMs: 1500 });
    await startWorkers();
    const before = await startTraining('cancelled', 4);
    await scene.runs.cancel('cancelled');
    await expect(scene.runs.result('cancelled')).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    const [stoppedAt] = steps(await since(before), 'stopped');
    expect(stoppedAt).toBeGreaterThan(2);
    expect((await scene.runs.view('cancelled')).stages).toContainEqual({
      name: 'train-student',
      state: 'cancelled',
      seconds: 0,
    });
    await scene.runs.start(scene.config({ name: 'cancelled', seed: 4 }));
    await scene.runs.result('cancelled');
    expect(steps(await since(before), 'begun')).toEqual([0, stoppedAt]);
  });
});

describe('the end of a worker', () => {
  it('saves a checkpoint, from which another worker goes on by itself', async () => {
    await scene.play({ stepMs: 100 });
    const first = await startWorkers();
    const before = await startTraining('moving', 5);
    await first.stop();
    const [stoppedAt] = steps(await since(before), 'stopped');
    expect(stoppedAt).toBeGreaterThan(2);
    await startWorkers();
    await scene.runs.result('moving');
    expect(steps(await since(before), 'begun')).toEqual([0, stoppedAt]);
  });
});

describe('a trainer that', () => {
  it('is killed costs at most what was done since its last checkpoint', async () => {
    await scene.play({ faults: [{ job: 'train-student', step: 13, how: 'crash', times: 1 }] });
    await startWorkers();
    const before = (await ofStudent()).length;
    await scene.runs.start(scene.config({ name: 'killed', seed: 6 }));
    await scene.runs.result('killed');
    expect(steps(await since(before), 'begun')).toEqual([0, 10]);
    const begun = (await since(before)).filter(({ what }) => what === 'begun');
    expect(begun.map(({ before: attempts }) => attempts)).toEqual([0, 1]);
    const lines = (await scene.runs.history('killed')).map(({ what }) => what);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^train-student: attempt 2 on .*, after: the trainer process exited unexpectedly \(SIGKILL\): illegal instruction/,
      ),
    );
  });

  it('hangs is killed, and the next one goes on from the last checkpoint', async () => {
    await scene.play({ faults: [{ job: 'train-student', step: 8, how: 'hang', times: 1 }] });
    await startWorkers({ trainer: fakeTrainer({ stallSeconds: phase => (phase === 'start' ? 300 : 3) }) });
    const before = (await ofStudent()).length;
    await scene.runs.start(scene.config({ name: 'hanging', seed: 7 }));
    await scene.runs.result('hanging');
    expect(steps(await since(before), 'begun')).toEqual([0, 5]);
  });

  it('gets nowhere three times ends the run with that reason', async () => {
    await scene.play({ faults: [{ job: 'train-student', step: 7, how: 'crash', times: 9 }] });
    await startWorkers();
    const before = (await ofStudent()).length;
    await scene.runs.start(scene.config({ name: 'stuck', seed: 8 }));
    await expect(scene.runs.result('stuck')).rejects.toMatchObject({
      code: 'NO_PROGRESS',
      facts: { step: 5 },
    });
    expect(steps(await since(before), 'begun')).toEqual([0, 5, 5, 5]);
  });
});
