import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CleanedDataset, CleanedSample } from '../formats/dataset.js';
import type { Detection } from '../inference/engine.js';
import { MAX_CURVES, plotCurves, type PlottedCurve, renderPlot } from './curve-plot.js';
import { contactSheet, DETECTION_COLOUR, drawBoxes, type SheetImage, TRUTH_COLOUR } from '../images/draw.js';
import type { Report } from '../formats/report.js';

export interface ImageDetections {
  readonly sample: CleanedSample;
  readonly detections: readonly Detection[];
}

interface ImageOptions {
  readonly found: readonly ImageDetections[];
  readonly datasetFolder: string;
  readonly dataset: CleanedDataset;
  readonly report: Report;
}

const SHOWN_IMAGES = 6;

/** Draws the precision-recall curves, and the images with most boxes: labels green, detections above the best threshold orange. */
export async function drawImages(
  folder: string,
  { found, datasetFolder, dataset, report }: ImageOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const curves = plotCurves(precisionRecallCurves(report), {
    title: `${report.model.name}: AP50 ${report.metrics.AP50.toFixed(3)}, AP75 ${report.metrics.AP75.toFixed(3)}`,
    xName: 'recall',
    yName: 'precision',
  });
  await writeFile(join(folder, 'precision_recall.svg'), curves);
  await writeFile(join(folder, 'precision_recall.png'), await renderPlot(curves));
  const shown = [...found]
    .sort((a, b) => b.sample.boxes.length - a.sample.boxes.length)
    .slice(0, SHOWN_IMAGES);
  if (shown.length === 0) return;
  const images = await Promise.all(
    shown.map(one => drawFound(one, { folder: datasetFolder, dataset, report })),
  );
  const legend = {
    labelled: TRUTH_COLOUR,
    [`detected, score ≥ ${report.errors.best.threshold.toFixed(2)}`]: DETECTION_COLOUR,
  };
  const columns = Math.min(3, images.length);
  await writeFile(join(folder, 'detections.png'), await contactSheet(images, { columns, legend }));
}

/** The curves of the classes with the most boxes, at IoU .5 and, where there is room, at .75. */
function precisionRecallCurves({ perClass, curves }: Report): PlottedCurve[] {
  const byBoxes = [...perClass].sort((a, b) => b.boxes - a.boxes);
  return [0.5, 0.75]
    .flatMap(iou =>
      byBoxes.flatMap(row => curves.filter(one => one.iou === iou && one.categoryId === row.categoryId)),
    )
    .slice(0, MAX_CURVES)
    .map(({ categoryId, iou, precision }) => ({
      name: `${perClass.find(row => row.categoryId === categoryId)!.name}, IoU ${iou}`,
      // The curve ends at the highest recall that is reached.
      points: precision.map((value, i) => [i / 100, value] as const).filter(([, value]) => value > 0),
    }));
}

async function drawFound(
  { sample, detections }: ImageDetections,
  { folder, dataset, report }: { folder: string; dataset: CleanedDataset; report: Report },
): Promise<SheetImage> {
  const several = dataset.classes.length > 1;
  const found = detections.filter(({ score }) => score >= report.errors.best.threshold);
  const image = await drawBoxes(join(folder, sample.image), [
    ...sample.boxes.map(({ box }) => ({ box, label: '', colour: TRUTH_COLOUR })),
    ...found.map(({ box, classIndex, score }) => ({
      box,
      // With a single class, its name in every box would be redundant.
      label: `${several ? `${dataset.classes[classIndex]} ` : ''}${score.toFixed(2)}`,
      colour: DETECTION_COLOUR,
    })),
  ]);
  return {
    image,
    caption: `${basename(sample.original)}: ${sample.boxes.length} labelled, ${found.length} detected`,
  };
}
