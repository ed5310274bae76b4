import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ArtifactRef, PublishedModel, PublishInput } from '../src/pipeline.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';

/** The run's output folder: checkpoints, archive/, events and model/ of the student, the same of the teacher below teacher/. */
export const createPublish =
  ({ settings, store }: Dependencies) =>
  ({ config, teacher, student, suggestions }: PublishInput): Promise<string> =>
    asActivity(async () => {
      const target = resolve(config.train_url ?? join(settings.home, 'runs', config.name));
      const partial = `${target}.partial-${process.pid}`;
      const place = async (artifact: ArtifactRef, at: string): Promise<void> =>
        cp(await store.open(artifact), join(partial, at), { recursive: true });
      const placeModel = async ({ trained, model, report }: PublishedModel, at: string): Promise<void> => {
        await place(trained, at);
        await place(model, join(at, 'model'));
        await place(report, join(at, 'evaluation'));
      };
      try {
        await mkdir(dirname(target), { recursive: true });
        await rm(partial, { recursive: true, force: true });
        await placeModel(student, '.');
        if (teacher) await placeModel(teacher, 'teacher');
        await place(suggestions, 'suggestions');
        await rm(target, { recursive: true, force: true });
        await rename(partial, target);
      } finally {
        await rm(partial, { recursive: true, force: true });
      }
      if (config.deps_save_path) {
        await cp(await store.open(student.report), config.deps_save_path, { recursive: true });
        await cp(await store.open(suggestions), config.deps_save_path, { recursive: true });
      }
      return target;
    });
