/** Measured program: reads the samples of a data set from its folder. */
import { readDataset } from '../../src/data/readers/index.js';
import { milliseconds } from '../timing.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

await answerLines<{ readonly folder: string }>(async ({ folder }) => ({
  about: await ownVersions(null),
  run: async () => ({ ms: await milliseconds(() => readDataset(folder, 'auto')) }),
}));
