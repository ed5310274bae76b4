import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPicture } from '../src/data/pictures.js';
import { openDetector } from '../src/detection/detector.js';
import { FROZEN_GRAPH, readModelCard } from '../src/detection/model-card.js';
import { cocoMetrics } from '../src/evaluation/coco.js';
import { evaluateModel } from '../src/evaluation/evaluate.js';
import { exportModel } from '../src/export/export.js';
import { importCheckpoint } from '../src/export/import.js';
import type { ArtifactRef, Prediction, StageProgress, TrainerJob } from '../src/pipeline.js';
import type { Settings } from '../src/settings.js';
import type { ArtifactStore } from '../src/store/artifact-store.js';
import { openStore } from '../src/store/open-store.js';
import type { Teacher } from '../src/training/teacher.js';
import { trainModel } from '../src/training/train.js';

interface JobContext {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

/** Does a job; here the stages meet. */
export async function runJob(job: TrainerJob, context: JobContext): Promise<unknown> {
  switch (job.kind) {
    case 'train':
      return train(job, context);
    case 'export':
      return exportModel({ trainedFolder: job.trained, imageSize: job.image_size, folder: job.folder });
    case 'import':
      return importCheckpoint(job.input, job.folder);
    case 'evaluate':
      return evaluateModel({
        ...context,
        modelFolder: job.model,
        datasetFolder: job.dataset,
        folder: job.folder,
        batchSize: job.batchSize,
      });
    case 'predict':
      return predict(job, context);
  }
}

async function train(
  { input, key, folder }: Extract<TrainerJob, { kind: 'train' }>,
  context: JobContext,
): Promise<unknown> {
  const store = openStore(context.settings);
  const datasetFolder = await store.open(input.dataset);
  const teacher = input.teacher && (await openTeacher(store, input.teacher.model));
  return trainModel({
    ...context,
    input,
    stageKey: key,
    datasetFolder,
    teacher,
    store,
    folder,
    score: (truth, found) => cocoMetrics(truth, found).metrics,
  });
}

async function openTeacher(store: ArtifactStore, model: ArtifactRef): Promise<Teacher> {
  const folder = await store.open(model);
  const { classes, metrics, anchor_scale: anchorScale, levels, aspect_ratios } = await readModelCard(folder);
  const [minLevel, maxLevel] = levels as [3, 7 | 8]; // of every family
  const anchors = { anchorScale, minLevel, maxLevel, aspectRatios: aspect_ratios };
  return { frozen: await readFile(join(folder, FROZEN_GRAPH)), classes, anchors, AP: metrics.AP ?? -1 };
}

async function predict(
  { model, images }: Extract<TrainerJob, { kind: 'predict' }>,
  { onProgress, signal }: JobContext,
): Promise<Prediction[]> {
  const detector = await openDetector(model);
  const predictions: Prediction[] = [];
  for (const image of images) {
    signal.throwIfAborted();
    const picture = await readPicture(image);
    const [found] = await detector.detect([picture]);
    const detections = found!.map(({ box, classIndex, score }) => ({
      box,
      label: detector.card.classes[classIndex]!,
      score,
    }));
    predictions.push({ image, width: picture.width, height: picture.height, detections });
    onProgress({ phase: 'predict', step: predictions.length, totalSteps: images.length });
  }
  return predictions;
}
