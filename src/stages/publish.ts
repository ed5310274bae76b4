import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunConfig } from '../config/run.js';
import { assertSameClasses } from '../formats/model-card.js';
import { fetchModelCard } from '../store/fetch-model.js';
import { readReport } from '../formats/report.js';
import { writeConfig } from '../export/modelarts/package.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { PublishedTeacher, PublishInput } from './stages.js';
import { teacherFrom } from '../config/distillation.js';
import type { S3Settings, Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { isBucketAddress } from '../store/bucket.js';
import type { StageContext, StageEnvironment } from './context.js';
import { assertBucketUsable, uploadFiles, uploadOutput } from './output-bucket.js';
import { assertUsable, type Output, replaceOutput } from './output-folder.js';
import { inWorkFolder } from './work-folder.js';

const outputOf = ({ train_url, name }: RunConfig, { home }: Settings): Output => ({
  target: train_url ?? join(home, 'runs', name),
  isChosen: train_url !== null,
});

/** Checks, before anything starts, that the output can be written and that a given teacher knows the run's classes. */
export async function checkOutput(config: RunConfig, { settings }: StageEnvironment): Promise<void> {
  const output = outputOf(config, settings);
  await (isBucketAddress(output.target)
    ? assertBucketUsable(output.target, settings.s3)
    : assertUsable(output));
  const folder = teacherFrom(config);
  // Where this machine cannot read the teacher, the one that exports it may.
  const card = folder === null ? null : await fetchModelCard(folder, settings).catch(() => null);
  if (card) assertSameClasses(card.classes, config.data.classes);
}

/**
 * Fills the run's output folder: checkpoints, archive/, events and model/ of the student, the same of the teacher below
 * teacher/. Returns the folder's path or address.
 */
export async function publish(
  { config, ...models }: PublishInput,
  { settings, store, signal, onProgress }: StageEnvironment,
): Promise<string> {
  const output = outputOf(config, settings);
  const run = config.name;
  const fill = (folder: string): Promise<void> =>
    fillOutput(folder, { ...models, store, signal, onProgress });
  if (isBucketAddress(output.target))
    await inWorkFolder(settings, 'publish', async folder => {
      await fill(folder);
      await uploadOutput(output.target, { run, folder, s3: settings.s3, signal, onProgress });
    });
  else await replaceOutput(output, { run, fill });
  if (config.deps_save_path)
    for (const artifact of [models.student.report, models.suggestions])
      await copyTo(config.deps_save_path, await store.open(artifact), settings.s3);
  return output.target;
}

interface Filling extends Omit<PublishInput, 'config'>, Omit<StageContext, 'last'> {
  readonly store: ArtifactStore;
}

async function fillOutput(
  folder: string,
  { teacher, student, suggestions, store, signal, onProgress }: Filling,
): Promise<void> {
  const placings = [
    ...placingsOf(student, '.'),
    ...(teacher ? placingsOf(teacher, 'teacher') : []),
    [suggestions, 'suggestions'] as const,
  ];
  for (const [step, [artifact, at]] of placings.entries()) {
    signal.throwIfAborted();
    onProgress({ phase: 'publish', step, totalSteps: placings.length });
    await cp(await store.open(artifact), join(folder, at), { recursive: true });
  }
  await describeModel(folder);
  if (teacher) await describeModel(join(folder, 'teacher'));
}

const copyTo = (target: string, folder: string, access: S3Settings): Promise<void> =>
  isBucketAddress(target) ? uploadFiles(target, folder, access) : cp(folder, target, { recursive: true });

/** Adds the metrics of the evaluation to the model's own description. */
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
