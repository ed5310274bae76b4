import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MatchedScene, matchScene, metricsOf } from './coco.js';
import { confidenceOfAP50 } from './confidence.js';
import { countKinds, errorKinds } from './error-kinds.js';
import type { Judgement } from './judgement.js';
import { operatingCurve } from './operating-point.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import { type Report, writeReport } from '../formats/report.js';
import { recallBySize } from './size-recall.js';

export interface ReportOptions extends Pick<Report, 'model' | 'training' | 'deployed' | 'suppression'> {
  readonly groundTruth: CocoGroundTruth;
  readonly detections: readonly CocoDetection[];
  /** Of the resampling behind the confidence interval. */
  readonly seed: number;
}

/** Measures, and says what goes wrong, of what kind, where, and what curing it could bring. */
export function buildReport({ groundTruth, detections, seed, ...facts }: ReportOptions): Report {
  const scene = matchScene(groundTruth, detections);
  const { metrics, perClass, curves } = metricsOf(scene);
  const { report: found, shown } = errorKinds(scene);
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
    perClass: perClass.map((row, classAt) => ({ ...row, ...shownOf(shown, classAt) })),
    curves: curves.map(({ precision, scores, ...rest }) => ({
      ...rest,
      precision: precision.map(round),
      scores: scores.map(round),
    })),
    operatingCurve: operatingCurve(scene),
    errors: found,
    sizeRecall: recallBySize(scene, shown),
    images: imageFindings(scene, shown),
  };
}

const round = (value: number): number => Math.round(value * 1e6) / 1e6;

function shownOf({ detections }: Judgement, classAt: number): { correct: number; shown: number } {
  const counted = detections.filter(one => one.classAt === classAt && one.verdict !== 'ignored');
  return { correct: counted.filter(({ verdict }) => verdict === 'hit').length, shown: counted.length };
}

function imageFindings(
  { images, truth, truthImage }: MatchedScene,
  { detections, lost }: Judgement,
): Report['images'] {
  const parts = images.map(
    (): { detections: (typeof detections)[number][]; lost: (typeof lost)[number][] } => ({
      detections: [],
      lost: [],
    }),
  );
  for (const one of detections) parts[one.image]!.detections.push(one);
  for (const one of lost) parts[truthImage[one.annotation]!]!.lost.push(one);
  const boxes = new Uint32Array(images.length);
  truth.annotations.forEach(({ iscrowd }, index) => {
    if (iscrowd === 0) boxes[truthImage[index]!]!++;
  });
  const wrong = ({ cls, loc, both, dup, bkg, miss }: Report['images'][number]): number =>
    cls + loc + both + dup + bkg + miss;
  return images
    .map(({ id, file_name: file }, i) => ({
      imageId: Number(id),
      file,
      boxes: boxes[i]!,
      correct: parts[i]!.detections.filter(({ verdict }) => verdict === 'hit').length,
      ...countKinds(parts[i]!),
    }))
    .sort((a, b) => wrong(b) - wrong(a));
}

/** Writes the report beside the COCO files that it was made from. */
export async function writeEvaluation(
  folder: string,
  { report, groundTruth, detections }: Pick<ReportOptions, 'groundTruth' | 'detections'> & { report: Report },
): Promise<void> {
  await writeReport(folder, report);
  await writeFile(join(folder, 'ground_truth.json'), `${JSON.stringify(groundTruth)}\n`);
  await writeFile(join(folder, 'detections.json'), `${JSON.stringify(detections)}\n`);
}
