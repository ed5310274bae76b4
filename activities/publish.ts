import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunConfig } from '../src/config/run.js';
import { readReport } from '../src/evaluation/report.js';
import { writeConfig } from '../src/export/modelarts/package.js';
import type { ArtifactRef, PublishedTeacher, PublishInput } from '../src/pipeline.js';
import type { Settings } from '../src/settings.js';
import { asActivity } from './context.js';
import type { Dependencies } from './dependencies.js';
import { assertUsable, type Output, replaceOutput } from './output-folder.js';

const outputOf = ({ train_url, name }: RunConfig, { home }: Settings): Output => ({
  target: train_url ?? join(home, 'runs', name),
  isChosen: train_url !== null,
});

/** Whether the output can be written at the end. */
export const createCheckOutput =
  ({ settings }: Dependencies) =>
  (config: RunConfig): Promise<void> =>
    asActivity(() => assertUsable(outputOf(config, settings)));

/** The run's output folder: checkpoints, archive/, events and model/ of the student, the same of the teacher below teacher/. */
export const createPublish =
  ({ settings, store }: Dependencies) =>
  ({ config, teacher, student, suggestions }: PublishInput): Promise<string> =>
    asActivity(async ({ signal, onProgress }) => {
      const output = outputOf(config, settings);
      const placings = [
        ...placingsOf(student, '.'),
        ...(teacher ? placingsOf(teacher, 'teacher') : []),
        [suggestions, 'suggestions'] as const,
      ];
      const place = async (artifact: ArtifactRef, folder: string): Promise<void> =>
        cp(await store.open(artifact), folder, { recursive: true });
      await replaceOutput(output, {
        run: config.name,
        fill: async folder => {
          for (const [step, [artifact, at]] of placings.entries()) {
            signal.throwIfAborted();
            onProgress({ phase: 'publish', step, totalSteps: placings.length });
            await place(artifact, join(folder, at));
          }
          await describeModel(folder);
          if (teacher) await describeModel(join(folder, 'teacher'));
        },
      });
      if (config.deps_save_path)
        for (const artifact of [student.report, suggestions]) await place(artifact, config.deps_save_path);
      return output.target;
    });

/** What the evaluation found out goes into the model's own description. */
async function describeModel(folder: string): Promise<void> {
  const { f1, recall, precision, accuracy } = (await readReport(join(folder, 'evaluation'))).errors.best;
  await writeConfig(join(folder, 'model'), { f1, recall, precision, accuracy });
}

const placingsOf = (
  { trained, model, report }: PublishedTeacher,
  at: string,
): (readonly [ArtifactRef, string])[] => [
  ...(trained ? [[trained, at] as const] : []),
  [model, join(at, 'model')],
  [report, join(at, 'evaluation')],
];
