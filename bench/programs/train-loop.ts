/** Measured program: the loop of a training, which loads batches and takes steps, without logs and checkpoints. */
import type { ModelName } from '../../src/config/families.js';
import type { TrainingSession } from '../../src/training/session.js';
import { batchesOf } from '../cleaned-dataset.js';
import { FEEDS, openSession } from '../training-case.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

export interface OpenLoop {
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
  /** Steps that are not measured: the first one allocates memory. */
  readonly warmUp: number;
  readonly measured: number;
}

async function loop(session: TrainingSession, { warmUp, measured, ...open }: OpenLoop) {
  const batches = batchesOf({ ...open, seed: 1, steps: warmUp + measured });
  let [started, waitedMs] = [0, 0];
  for (let step = 0; step < warmUp + measured; step++) {
    if (step === warmUp) [started, waitedMs] = [performance.now(), 0];
    const asked = performance.now();
    const next = await batches.next();
    if (next.done) throw new Error(`there is no batch for step ${step}`);
    waitedMs += performance.now() - asked;
    // As in a training: lets messages in, because a step never yields.
    await new Promise(resolve => setImmediate(resolve));
    await session.step(next.value, FEEDS);
  }
  const ms = performance.now() - started;
  await batches.return(undefined);
  return { ms, waitedMs };
}

await answerLines<OpenLoop>(async (open, folder) => {
  const session = await openSession(open, folder);
  return { about: await ownVersions('tensorflow'), run: () => loop(session, open) };
});
