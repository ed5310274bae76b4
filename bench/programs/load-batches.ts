/** Program of a contestant: batches of a cleaned data set, one after the other, with nothing else to do. */
import type { ModelName } from '../../src/config/families.js';
import { batchesOf } from '../cleaned.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

export interface OpenLoader {
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
  /** Batches until threads have started and what is made ahead no longer counts. */
  readonly skipped: number;
  readonly measured: number;
}
/** More than are made ahead: the last ones that are measured are made beside others, too. */
const BEYOND = 8;

await answerLines<OpenLoader>(async ({ skipped, measured, ...open }) => {
  let seed = 0;
  return {
    about: await ownVersions(null),
    run: async () => {
      const batches = batchesOf({ ...open, seed: seed++, steps: skipped + measured + BEYOND });
      for (let i = 0; i < skipped; i++) await batches.next();
      const started = performance.now();
      for (let i = 0; i < measured; i++) await batches.next();
      const ms = performance.now() - started;
      while (!(await batches.next()).done); // threads are not stopped in the middle of one
      return { ms };
    },
  };
});
