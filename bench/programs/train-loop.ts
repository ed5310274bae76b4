/** Program of a contestant: a training as it runs, batches from files and steps, without logs and checkpoints. */
import type { ModelName } from '../../src/config/families.js';
import type { TrainingSession } from '../../src/training/session.js';
import { batchesOf } from '../cleaned.js';
import { FEEDS, openSession } from '../trainee.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

export interface OpenLoop {
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
  /** Steps that are not measured: the first allocates memory. */
  readonly skipped: number;
  readonly measured: number;
}

async function loop(session: TrainingSession, { skipped, measured, ...open }: OpenLoop) {
  const batches = batchesOf({ ...open, seed: 1, steps: skipped + measured });
  let [started, waitedMs] = [0, 0];
  for (let step = 0; step < skipped + measured; step++) {
    if (step === skipped) [started, waitedMs] = [performance.now(), 0];
    const asked = performance.now();
    const next = await batches.next();
    if (next.done) throw new Error(`there is no batch for step ${step}`);
    waitedMs += performance.now() - asked;
    // As a training does: lets messages in, for a step itself never yields.
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
