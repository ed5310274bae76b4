import { join } from 'node:path';
import type { NmsConfigs } from '../config/run.js';
import { type CleanedDataset, type CleanedSample, readCleanedDataset } from '../formats/dataset.js';
import { groundTruthCoco } from '../formats/ground-truth.js';
import { readImage } from '../images/decode.js';
import { fitting } from '../images/place.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import { DEFAULT_SCORE_THRESHOLD } from '../formats/detections.js';
import { type Detector, openDetector } from '../inference/detector.js';
import type { Detection, DetectorInput } from '../inference/engine.js';
import { errors } from '../errors/index.js';
import { throughputOf } from '../formats/progress.js';
import type { Evaluated } from '../formats/evaluated.js';
import type { StageProgress } from '../formats/progress.js';
import type { Settings } from '../settings.js';
import { drawImages, type ImageDetections } from './images.js';
import type { Report } from '../formats/report.js';
import { buildReport, writeEvaluation } from './report.js';
import {
  COMPARED_IMAGES,
  compareSuppression,
  type ThresholdDetections,
  suppressionRules,
} from './suppression.js';

export interface EvaluateOptions {
  readonly modelFolder: string;
  readonly datasetFolder: string;
  /** Receives report.json, detections.json, ground_truth.json and images/, and in test/ the same of the test split. */
  readonly folder: string;
  readonly batchSize: number;
  readonly engine: Settings['engine'];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

const BOOTSTRAP_SEED = 1;

/** Below the folder of the evaluation; holds the same of the test split. */
const TEST_FOLDER = 'test';

/** Runs an exported model on the evaluation and the test split, as its users would run it, and writes the reports. */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluated> {
  const { modelFolder, datasetFolder, folder } = options;
  const dataset = await readCleanedDataset(datasetFolder);
  const detector = await openDetector(modelFolder, options);
  const { classes } = detector.card;
  if (classes.join('\n') !== dataset.classes.join('\n')) throw errors.classesDiffer(classes, dataset.classes);
  const context = { dataset, detector, options };
  const test =
    dataset.splits.test.length === 0
      ? null
      : await evaluateSplit('test', { ...context, folder: join(folder, TEST_FOLDER), test: null });
  const { metrics } = await evaluateSplit('eval', { ...context, folder, test });
  return { metrics, test: test && test.metrics };
}

interface SplitContext {
  readonly dataset: CleanedDataset;
  readonly detector: Detector;
  readonly options: EvaluateOptions;
  readonly folder: string;
  /** The report on the test split, which that on the evaluation split repeats in short. */
  readonly test: Report | null;
}

async function evaluateSplit(
  split: 'eval' | 'test',
  { dataset, detector, options, folder, test }: SplitContext,
): Promise<Report> {
  const { card } = detector;
  // Thresholds are chosen, so they are compared on the split that may choose.
  const rules = split === 'eval' && detector.detectUnder ? suppressionRules(card.nms_configs) : [];
  const { found, under } = await detectAll(detector, { samples: dataset.splits[split], rules }, options);
  const groundTruth = groundTruthCoco(dataset, split);
  const detections = found.flatMap(({ sample, detections: list }) =>
    list.map(detection => toCoco(sample, detection)),
  );
  const built = buildReport({
    groundTruth,
    detections,
    model: { name: card.model_name, image_size: card.image_size, engine: detector.engine },
    training: trainingCounts(dataset),
    deployed: { scoreThreshold: DEFAULT_SCORE_THRESHOLD },
    suppression:
      split === 'eval'
        ? compareSuppression(firstImages(groundTruth, COMPARED_IMAGES), {
            found: under,
            deployed: card.nms_configs.iou_thresh,
          })
        : null,
    seed: BOOTSTRAP_SEED,
  });
  const { counts, metrics, confidence } = test ?? built;
  const report = { ...built, test: test && { counts, metrics, confidence } };
  await writeEvaluation(folder, { report, groundTruth, detections });
  await drawImages(join(folder, 'images'), { found, datasetFolder: options.datasetFolder, dataset, report });
  return report;
}

function trainingCounts({ classes, splits: { train } }: CleanedDataset): Report['training'] {
  const boxes = train.flatMap(sample => sample.boxes);
  const counts = classes.map((name, i) => [name, boxes.filter(box => box.classIndex === i).length] as const);
  return { images: train.length, boxes: boxes.length, boxesPerClass: Object.fromEntries(counts) };
}

/** Detects in batches of images of one size, in the order of the split; for the first images under other rules, too. */
async function detectAll(
  detector: Detector,
  { samples, rules }: { samples: readonly CleanedSample[]; rules: readonly NmsConfigs[] },
  { datasetFolder, batchSize, signal, onProgress }: EvaluateOptions,
): Promise<{ found: ImageDetections[]; under: ThresholdDetections[] }> {
  const found: ImageDetections[] = [];
  const under = rules.map(({ iou_thresh: iou }) => ({ iou, detections: [] as CocoDetection[] }));
  const started = Date.now();
  for (let at = 0; at < samples.length;) {
    signal.throwIfAborted();
    const batch = nextBatch(samples, { at, batchSize });
    const images = await Promise.all(
      batch.map(({ image }) => readImage(join(datasetFolder, image), fitting(detector.card.image_size))),
    );
    const compared = at < COMPARED_IMAGES ? rules : [];
    const { detections, others } = await detectBatch(detector, images, compared);
    found.push(...batch.map((sample, i) => ({ sample, detections: detections[i]! })));
    others.forEach((list, rule) =>
      batch.slice(0, COMPARED_IMAGES - at).forEach((sample, i) => {
        for (const detection of list[i]!) under[rule]!.detections.push(toCoco(sample, detection));
      }),
    );
    at += batch.length;
    onProgress({ phase: 'predict', ...throughputOf(started, { step: at, totalSteps: samples.length }) });
    await new Promise(resolve => setImmediate(resolve));
  }
  return { found, under };
}

function nextBatch(
  samples: readonly CleanedSample[],
  { at, batchSize }: { at: number; batchSize: number },
): CleanedSample[] {
  const { width, height } = samples[at]!;
  const next = samples.slice(at, at + batchSize);
  const other = next.findIndex(sample => sample.width !== width || sample.height !== height);
  return other < 0 ? next : next.slice(0, other);
}

async function detectBatch(
  { card, detect, detectUnder }: Detector,
  images: readonly DetectorInput[],
  rules: readonly NmsConfigs[],
): Promise<{ detections: Detection[][]; others: Detection[][][] }> {
  if (!detectUnder || rules.length === 0) return { detections: await detect(images), others: [] };
  const others = await detectUnder(images, rules);
  // The model's own rule is among the compared ones.
  const own = rules.findIndex(({ iou_thresh }) => iou_thresh === card.nms_configs.iou_thresh);
  return { detections: others[own]!, others };
}

function firstImages({ images, annotations, categories }: CocoGroundTruth, count: number): CocoGroundTruth {
  const first = images.slice(0, count);
  const ids = new Set(first.map(({ id }) => id));
  return { images: first, annotations: annotations.filter(({ image_id }) => ids.has(image_id)), categories };
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
