import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CleanedDataset, type CleanedSample, DATASET_FILE } from '../data/dataset.js';
import { groundTruthCoco } from '../data/ground-truth.js';
import { readPicture } from '../data/pictures.js';
import { type CocoDetection, SHOWN_SCORE } from '../detection/detections.js';
import { type Detector, openDetector } from '../detection/detector.js';
import type { Detection } from '../detection/engine.js';
import { errors } from '../errors.js';
import type { CocoMetrics, StageProgress } from '../pipeline.js';
import type { Settings } from '../settings.js';
import { drawPictures, type FoundInPicture } from './pictures.js';
import type { Report } from './report-schema.js';
import { buildReport, writeReport } from './report.js';

export interface EvaluateOptions {
  readonly modelFolder: string;
  readonly datasetFolder: string;
  /** Receives report.json, detections.json, ground_truth.json and pictures/. */
  readonly folder: string;
  readonly batchSize: number;
  readonly engine: Settings['engine'];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

const BOOTSTRAP_SEED = 1;

/** Looks at the evaluation split with an exported model, exactly as a user of the model would, and reports. */
export async function evaluateModel(options: EvaluateOptions): Promise<CocoMetrics> {
  const { modelFolder, datasetFolder, folder } = options;
  const dataset = CleanedDataset.parse(JSON.parse(await readFile(join(datasetFolder, DATASET_FILE), 'utf8')));
  const detector = await openDetector(modelFolder, options);
  const { card } = detector;
  if (card.classes.join('\n') !== dataset.classes.join('\n'))
    throw errors.classesDiffer(card.classes, dataset.classes);
  const found = await detectAll(detector, dataset.splits.eval, options);
  const groundTruth = groundTruthCoco(dataset, 'eval');
  const detections = found.flatMap(({ sample, detections: list }) =>
    list.map(detection => toCoco(sample, detection)),
  );
  const report = buildReport({
    groundTruth,
    detections,
    model: { name: card.model_name, image_size: card.image_size, engine: detector.engine },
    training: trainingCounts(dataset),
    deployed: { scoreThreshold: SHOWN_SCORE },
    seed: BOOTSTRAP_SEED,
  });
  await writeReport(folder, { report, groundTruth, detections });
  await drawPictures(join(folder, 'pictures'), { found, datasetFolder, dataset, report });
  return report.metrics;
}

function trainingCounts({ classes, splits: { train } }: CleanedDataset): Report['training'] {
  const boxes = train.flatMap(sample => sample.boxes);
  const counts = classes.map((name, i) => [name, boxes.filter(box => box.classIndex === i).length] as const);
  return { images: train.length, boxes: boxes.length, boxesPerClass: Object.fromEntries(counts) };
}

/** Batches of pictures of one size, in the order of the split. */
async function detectAll(
  detector: Detector,
  samples: readonly CleanedSample[],
  { datasetFolder, batchSize, signal, onProgress }: EvaluateOptions,
): Promise<FoundInPicture[]> {
  const found: FoundInPicture[] = [];
  const started = Date.now();
  for (let at = 0; at < samples.length;) {
    signal.throwIfAborted();
    const first = samples[at]!;
    let end = at + 1;
    while (
      end < samples.length &&
      end - at < batchSize &&
      samples[end]!.width === first.width &&
      samples[end]!.height === first.height
    )
      end++;
    const batch = samples.slice(at, end);
    const detections = await detector.detect(
      await Promise.all(batch.map(({ image }) => readPicture(join(datasetFolder, image)))),
    );
    found.push(...batch.map((sample, i) => ({ sample, detections: detections[i]! })));
    at = end;
    const perPicture = (Date.now() - started) / 1000 / at;
    onProgress({
      phase: 'predict',
      step: at,
      totalSteps: samples.length,
      itemsPerSecond: 1 / perPicture,
      secondsLeft: perPicture * (samples.length - at),
    });
    await new Promise(resolve => setImmediate(resolve));
  }
  return found;
}

function toCoco(
  { imageId }: CleanedSample,
  { box: [ymin, xmin, ymax, xmax], classIndex, score }: Detection,
): CocoDetection {
  return {
    image_id: imageId,
    category_id: classIndex + 1,
    bbox: [xmin, ymin, xmax - xmin, ymax - ymin],
    score,
  };
}
