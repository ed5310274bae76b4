/** Measured program: loads the batches of a cleaned data set one after the other, without other work. */
import type { ModelName } from '../../src/config/families.js';
import { batchesOf } from '../cleaned-dataset.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

export interface OpenLoader {
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
  /** Batches that are not measured: threads start, and the queue of prepared batches fills. */
  readonly warmUp: number;
  readonly measured: number;
}
/** Batches after the last measured one, more than the queue holds, so that the work does not run out while measuring. */
const BEYOND = 8;

await answerLines<OpenLoader>(async ({ warmUp, measured, ...open }) => {
  let seed = 0;
  return {
    about: await ownVersions(null),
    run: async () => {
      const batches = batchesOf({ ...open, seed: seed++, steps: warmUp + measured + BEYOND });
      for (let i = 0; i < warmUp; i++) await batches.next();
      const started = performance.now();
      for (let i = 0; i < measured; i++) await batches.next();
      const ms = performance.now() - started;
      while (!(await batches.next()).done); // lets the threads finish
      return { ms };
    },
  };
});
