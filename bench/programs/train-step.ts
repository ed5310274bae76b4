/** Measured program: training steps on a batch in memory, with a program that is recorded and loaded as in a training. */
import { join } from 'node:path';
import { AnswerCache } from '../../src/training/answer-cache.js';
import { bestCount } from '../../src/training/best-answers.js';
import type { TrainingSession } from '../../src/training/session.js';
import { Teaching } from '../../src/training/teaching.js';
import { milliseconds } from '../timing.js';
import { anchorsOf, batchOf, CLASSES, openSession, SCALARS, type TrainingCase } from '../training-case.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

/** Cached answers of the teacher, which every step reads from their files. */
const openTeaching = async (session: TrainingSession, one: TrainingCase, folder: string): Promise<Teaching> =>
  new Teaching({
    cache: await AnswerCache.open(folder, { kept: bestCount(anchorsOf(one).count), numClasses: CLASSES }),
    ask: images => session.teacherAnswers(images),
    onNote: note => console.error(note),
  });

await answerLines<TrainingCase>(async (one, folder) => {
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
