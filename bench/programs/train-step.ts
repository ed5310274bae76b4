/** Program of a contestant: training steps on a batch in memory, recorded, loaded and initialised as a training does. */
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { TrainingSession } from '../../src/training/session.js';
import { milliseconds } from '../contestants.js';
import { batchOf, type Case, record, SCALARS, sizeOf } from '../trainee.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

await answerLines<Case>(async (one, folder) => {
  await record(one, folder);
  await loadTensorFlow();
  const size = sizeOf(one);
  const session = new TrainingSession(folder, [size, size]);
  await session.initialize(1);
  const batch = batchOf(one);
  return {
    about: await ownVersions('tensorflow'),
    run: async () => ({ ms: await milliseconds(() => session.step(batch, SCALARS)) }),
  };
});
