/** Measured program: training steps on a batch in memory, with a program that is recorded and loaded as in a training. */
import { join } from 'node:path';
import type { TrainingSession } from '../../src/training/session.js';
import { TeacherCache } from '../../src/training/teacher-cache.js';
import { keptAnchors } from '../../src/training/teacher-outputs.js';
import { milliseconds } from '../timing.js';
import { anchorsOf, batchOf, CLASSES, FEEDS, openSession, type TrainingCase } from '../training-case.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

/** Cached outputs, read from their files at every step. */
const openTeacher = (session: TrainingSession, one: TrainingCase, folder: string): Promise<TeacherCache> =>
  TeacherCache.open({
    folder,
    kept: keptAnchors(anchorsOf(one).count),
    numClasses: CLASSES,
    infer: images => session.teacherOutputs(images),
    onNote: note => console.error(note),
  });

await answerLines<TrainingCase>(async (one, folder) => {
  const session = await openSession(one, folder);
  const batch = batchOf(one);
  const cache = one.teacher?.isFed && (await openTeacher(session, one, join(folder, 'teacher')));
  const step = async (): Promise<unknown> =>
    session.step(batch, { ...FEEDS, teacher: cache ? await cache.outputsFor(batch) : null });
  return {
    about: await ownVersions('tensorflow'),
    run: async () => ({ ms: await milliseconds(step) }),
  };
});
