/** Program of a contestant: training steps on a batch in memory, recorded, loaded and initialised as a training does. */
import { join } from 'node:path';
import { AnswerCache } from '../../src/training/answer-cache.js';
import { bestCount } from '../../src/training/best-answers.js';
import type { TrainingSession } from '../../src/training/session.js';
import { Teaching } from '../../src/training/teaching.js';
import { milliseconds } from '../contestants.js';
import { anchorsOf, batchOf, type Case, CLASSES, openSession, SCALARS } from '../trainee.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

/** Kept answers, read from their files at every step. */
const openTeaching = async (session: TrainingSession, one: Case, folder: string): Promise<Teaching> =>
  new Teaching({
    cache: await AnswerCache.open(folder, { kept: bestCount(anchorsOf(one).count), numClasses: CLASSES }),
    ask: images => session.teacherAnswers(images),
    onNote: note => console.error(note),
  });

await answerLines<Case>(async (one, folder) => {
  const session = await openSession(one, folder);
  const batch = batchOf(one);
  const teaching = one.teacher?.isFed && (await openTeaching(session, one, join(folder, 'answers')));
  const step = async (): Promise<unknown> =>
    session.step(batch, SCALARS, teaching ? await teaching.answersTo(batch) : null);
  return {
    about: await ownVersions('tensorflow'),
    run: async () => ({ ms: await milliseconds(step) }),
  };
});
