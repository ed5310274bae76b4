/** Program of a contestant: from the folder of a data set to its samples. */
import { readDataset } from '../../src/data/readers/index.js';
import { milliseconds } from '../contestants.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

await answerLines<{ readonly folder: string }>(async ({ folder }) => ({
  about: await ownVersions(null),
  run: async () => ({ ms: await milliseconds(() => readDataset(folder, 'auto')) }),
}));
