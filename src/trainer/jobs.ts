import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage } from '../images/decode.js';
import { openDetector } from '../inference/detector.js';
import { FROZEN_GRAPH, readModelCard } from '../formats/model-card.js';
import { throughputOf } from '../formats/progress.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { Prediction } from '../formats/prediction.js';
import type { JobContext, TrainerJob } from './protocol.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { openStore } from '../store/open-store.js';
import type { Teacher } from '../training/teacher.js';

/** Does a job. The code of each kind is loaded on demand: a prediction by onnxruntime needs no TensorFlow. */
export async function runJob(job: TrainerJob, context: JobContext): Promise<unknown> {
  switch (job.kind) {
    case 'train':
      return train(job, context);
    case 'export': {
      const { exportModel } = await import('../export/export.js');
      return exportModel({ trainedFolder: job.trained, imageSize: job.image_size, folder: job.folder });
    }
    case 'import': {
      const { importCheckpoint } = await import('../export/import.js');
      return importCheckpoint(job.input, job.folder);
    }
    case 'evaluate': {
      const { evaluateModel } = await import('../evaluation/evaluate.js');
      return evaluateModel({
        ...context,
        modelFolder: job.model,
        datasetFolder: job.dataset,
        folder: job.folder,
        batchSize: job.batchSize,
        engine: context.settings.engine,
      });
    }
    case 'predict':
      return predict(job, context);
  }
}

async function train(
  { input, key, folder, answers }: Extract<TrainerJob, { kind: 'train' }>,
  context: JobContext,
): Promise<unknown> {
  const [{ cocoMetrics }, { trainModel }] = await Promise.all([
    import('../evaluation/coco.js'),
    import('../training/train.js'),
  ]);
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
    teacherCacheFolder: answers,
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
  { model, images, minScore }: Extract<TrainerJob, { kind: 'predict' }>,
  { onProgress, signal, settings }: JobContext,
): Promise<Prediction[]> {
  const detector = await openDetector(model, settings);
  const predictions: Prediction[] = [];
  const started = Date.now();
  for (const path of images) {
    signal.throwIfAborted();
    const image = await readImage(path);
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
