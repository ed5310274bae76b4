/** Program of a contestant: training steps on a batch in memory, recorded, loaded and initialised as a training does. */
import { join } from 'node:path';
import type { TrainingSession } from '../../src/training/session.js';
import { TeacherCache } from '../../src/training/teacher-cache.js';
import { keptAnchors } from '../../src/training/teacher-outputs.js';
import { milliseconds } from '../contestants.js';
import { anchorsOf, batchOf, type Case, CLASSES, FEEDS, openSession } from '../trainee.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

/** Cached outputs, read from their files at every step. */
const openTeacher = (session: TrainingSession, one: Case, folder: string): Promise<TeacherCache> =>
  TeacherCache.open({
    folder,
    kept: keptAnchors(anchorsOf(one).count),
    numClasses: CLASSES,
    infer: images => session.teacherOutputs(images),
    onNote: note => console.error(note),
  });

await answerLines<Case>(async (one, folder) => {
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
