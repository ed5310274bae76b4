import { join } from 'node:path';
import { type MatchedScene, matchScene, metricsOf } from './coco.js';
import { confidenceOfAP50 } from './confidence.js';
import { analyseErrors, countErrors } from './error-analysis.js';
import type { ClassifiedDetection, ErrorClassification, FalseNegative } from './error-classification.js';
import { operatingCurve } from './operating-point.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import { writeJsonLists } from '../formats/json-pieces.js';
import { type Report, writeReport } from '../formats/report.js';
import { recallBySize } from './size-recall.js';

export interface ReportOptions extends Pick<Report, 'model' | 'training' | 'deployed' | 'suppression'> {
  readonly groundTruth: CocoGroundTruth;
  readonly detections: readonly CocoDetection[];
  /** The seed of the bootstrap behind the confidence interval. */
  readonly seed: number;
}

/** Measures the metrics of detections, and analyses their errors by type, class, size and image. */
export function buildReport({ groundTruth, detections, seed, ...facts }: ReportOptions): Report {
  const scene = matchScene(groundTruth, detections);
  const { metrics, perClass, curves } = metricsOf(scene);
  const { errors, classification } = analyseErrors(scene);
  return {
    ...facts,
    classes: groundTruth.categories.map(({ name }) => name),
    counts: {
      images: groundTruth.images.length,
      boxes: groundTruth.annotations.length,
      detections: detections.length,
    },
    metrics: { ...metrics },
    confidence: confidenceOfAP50(scene, seed),
    test: null,
    perClass: perClass.map((row, classAt) => ({ ...row, ...countShown(classification, classAt) })),
    curves: curves.map(({ precision, scores, ...rest }) => ({
      ...rest,
      precision: precision.map(round),
      scores: scores.map(round),
    })),
    operatingCurve: operatingCurve(scene),
    errors,
    sizeRecall: recallBySize(scene, classification),
    images: errorsByImage(scene, classification),
  };
}

const round = (value: number): number => Math.round(value * 1e6) / 1e6;

function countShown(
  { detections }: ErrorClassification,
  classAt: number,
): { correct: number; shown: number } {
  const counted = detections.filter(one => one.classAt === classAt && one.outcome !== 'ignored');
  return { correct: counted.filter(({ outcome }) => outcome === 'correct').length, shown: counted.length };
}

function errorsByImage(
  { images, truth, truthImage }: MatchedScene,
  { detections, falseNegatives }: ErrorClassification,
): Report['images'] {
  const parts = images.map((): { detections: ClassifiedDetection[]; falseNegatives: FalseNegative[] } => ({
    detections: [],
    falseNegatives: [],
  }));
  for (const one of detections) parts[one.image]!.detections.push(one);
  for (const one of falseNegatives) parts[truthImage[one.annotation]!]!.falseNegatives.push(one);
  const boxes = new Uint32Array(images.length);
  truth.annotations.forEach(({ iscrowd }, index) => {
    if (iscrowd === 0) boxes[truthImage[index]!]!++;
  });
  const errorCount = ({ cls, loc, both, dup, bkg, miss }: Report['images'][number]): number =>
    cls + loc + both + dup + bkg + miss;
  return images
    .map(({ id, file_name: file }, i) => ({
      imageId: Number(id),
      file,
      boxes: boxes[i]!,
      correct: parts[i]!.detections.filter(({ outcome }) => outcome === 'correct').length,
      ...countErrors(parts[i]!),
    }))
    .sort((a, b) => errorCount(b) - errorCount(a));
}

/** Writes the report beside the COCO files that it was made from. */
export async function writeEvaluation(
  folder: string,
  { report, groundTruth, detections }: Pick<ReportOptions, 'groundTruth' | 'detections'> & { report: Report },
): Promise<void> {
  await writeReport(folder, report);
  const { images, annotations, categories } = groundTruth;
  await writeJsonLists(join(folder, 'ground_truth.json'), { images, annotations, categories });
  await writeJsonLists(join(folder, 'detections.json'), detections);
}
