import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../config/families.js';
import { readImage } from '../images/decode.js';
import { fitting } from '../images/place.js';
import { openDetector } from '../inference/detector.js';
import { FROZEN_GRAPH, readModelCard } from '../formats/model-card.js';
import { throughputOf } from '../formats/progress.js';
import type { TeacherInput } from '../formats/train-io.js';
import type { Prediction } from '../formats/prediction.js';
import type { JobContext, JobKind, JobOf, JobResult, RunJob, TrainerJob } from './protocol.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { openStore } from '../store/open-store.js';
import type { Teacher } from '../training/teacher.js';

type Jobs = { readonly [K in JobKind]: (job: JobOf<K>, context: JobContext) => Promise<JobResult<K>> };

/** The code of each kind is loaded on demand: a prediction by onnxruntime needs no TensorFlow. */
const JOBS: Jobs = {
  train,
  export: async ({ trained, image_size, folder }) => {
    const { exportModel } = await import('../export/export.js');
    await exportModel({ trainedFolder: trained, imageSize: image_size, folder });
  },
  import: async ({ input, folder }) => {
    const { importCheckpoint } = await import('../export/import.js');
    return importCheckpoint(input, folder);
  },
  evaluate: async ({ model, dataset, batchSize, folder }, context) => {
    const { evaluateModel } = await import('../evaluation/evaluate.js');
    const { engine } = context.settings;
    return evaluateModel({
      ...context,
      modelFolder: model,
      datasetFolder: dataset,
      folder,
      batchSize,
      engine,
    });
  },
  predict,
};

/** Does a job in this process. */
export const runJob: RunJob = (job, context) => {
  // The row of a kind takes the jobs of that kind, which TypeScript does not see through the look-up.
  const work = JOBS[job.kind] as (job: TrainerJob, context: JobContext) => Promise<never>;
  return work(job, context);
};

async function train(
  { input, key, undistilledAP, folder, teacherCacheFolder }: JobOf<'train'>,
  context: JobContext,
): Promise<JobResult<'train'>> {
  const [{ cocoMetrics }, { trainModel }] = await Promise.all([
    import('../evaluation/coco.js'),
    import('../training/train.js'),
  ]);
  const store = openStore(context.settings);
  const datasetFolder = await store.open(input.dataset);
  const teacher = input.teacher && (await openTeacher(store, input.teacher));
  return trainModel({
    ...context,
    input,
    stageKey: key,
    datasetFolder,
    teacher,
    undistilledAP,
    store,
    folder,
    teacherCacheFolder,
    score: (truth, found) => cocoMetrics(truth, found).metrics,
  });
}

async function openTeacher(store: ArtifactStore, { model, AP }: TeacherInput): Promise<Teacher> {
  const folder = await store.open(model);
  const card = await readModelCard(folder);
  const { normalisation } = familyOf(card.model_name);
  const [minLevel, maxLevel] = card.levels as [3, 7 | 8]; // of every family
  const anchors = { anchorScale: card.anchor_scale, minLevel, maxLevel, aspectRatios: card.aspect_ratios };
  const frozen = await readFile(join(folder, FROZEN_GRAPH));
  return { frozen, classes: card.classes, anchors, normalisation, AP: AP ?? card.metrics.AP ?? -1 };
}

async function predict(
  { model, images, minScore }: JobOf<'predict'>,
  { onProgress, signal, settings }: JobContext,
): Promise<Prediction[]> {
  const detector = await openDetector(model, settings);
  const predictions: Prediction[] = [];
  const started = Date.now();
  for (const path of images) {
    signal.throwIfAborted();
    const image = await readImage(path, fitting(detector.card.image_size));
    const [found] = await detector.detect([image]);
    const detections = found!
      .filter(({ score }) => score >= minScore)
      .map(({ box, classIndex, score }) => ({
        box,
        label: detector.card.classes[classIndex]!,
        score,
      }));
    const { width, height } = image;
    predictions.push({ image: path, width, height, engine: detector.engine, detections });
    const step = predictions.length;
    onProgress({ phase: 'predict', ...throughputOf(started, { step, totalSteps: images.length }) });
  }
  return predictions;
}
