import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BoxYxyx, boxArea, intersect } from '../../boxes.js';
import { mapConcurrently } from '../../concurrency.js';
import type { Cleaning } from '../../config/cleaning.js';
import { errors } from '../../errors/index.js';
import {
  type CleaningFindings,
  type LedgerEntry,
  readCleaningFindings,
} from '../../formats/cleaning-report.js';
import type { Prediction } from '../../formats/prediction.js';
import {
  type CleanedDataset,
  type CleanedSample,
  readCleanedDataset,
  type Split,
  SPLITS,
} from '../../formats/dataset.js';
import { contactSheet, DETECTION_COLOUR, drawBoxes, type DrawnBox, TRUTH_COLOUR } from '../../images/draw.js';
import { type ClassBox, type LabelQuality, labelQuality, type PredictedBox } from './label-quality.js';
import { writeFindings } from './report.js';

const RULE = { id: 'M01', title: 'label that a trained model doubts' } as const;
/** A sheet of the worst images, with labelled and predicted boxes. */
export const REVIEW_SHEET = 'review.png';
const SHEET_IMAGES = 24;
const SHEET_COLUMNS = 3;

export interface ReviewOptions {
  /** The folder of a cleaned data set, whose ledger and report are extended. */
  readonly folder: string;
  readonly limits: Cleaning;
  /** The classes of the model. */
  readonly classes: readonly string[];
  /** Runs the model on image files. @returns one prediction for each file, without detections below `minScore` */
  readonly predict: (images: readonly string[], minScore: number) => Promise<readonly Prediction[]>;
}

interface GivenLabel extends ClassBox {
  readonly label: string;
  /** Index in the boxes of the sample. */
  readonly at: number;
}

interface NamedPrediction extends PredictedBox {
  readonly label: string;
}

interface ReviewedSample {
  readonly split: Split;
  readonly sample: CleanedSample;
  /** The boxes of the sample without its crowds. */
  readonly labels: readonly GivenLabel[];
  readonly predictions: readonly NamedPrediction[];
}

/**
 * Compares the labels of a cleaned data set with the predictions of a trained model. Boxes that seem overlooked, misclassified
 * or badly located become warnings, their images a review queue, and the worst images a sheet. No label is changed.
 */
export async function reviewLabels(options: ReviewOptions): Promise<CleaningFindings> {
  const { folder, limits } = options;
  const dataset = await readCleanedDataset(folder);
  if (dataset.classes.some(name => !options.classes.includes(name)))
    throw errors.classesDiffer(options.classes, dataset.classes);
  const reviewed = await predictBoxes(dataset, options);
  const qualities = labelQuality(reviewed, {
    low: limits.min_location_score,
    high: limits.min_doubt_score,
  });
  const queue = reviewed
    .map((one, i) => {
      const quality = qualities[i]!;
      const entries = [...overlookedObjects(one, quality, limits), ...doubtedLabels(one, quality, limits)];
      return { ...one, score: quality.score, entries };
    })
    .filter(({ entries }) => entries.length > 0)
    .sort((a, b) => a.score - b.score);
  const findings = addDoubts(await readCleaningFindings(folder), queue);
  await writeFindings(folder, findings);
  if (queue.length > 0) await drawSheet(queue.slice(0, SHEET_IMAGES), folder);
  return findings;
}

interface QueuedSample extends ReviewedSample {
  readonly score: number;
  readonly entries: readonly LedgerEntry[];
}

function addDoubts({ report, ledger }: CleaningFindings, queue: readonly QueuedSample[]): CleaningFindings {
  const entries = queue.flatMap(one => one.entries);
  const review = queue.map(({ sample, split, score, entries: own }) => ({
    file: sample.original,
    split,
    score,
    findings: own.length,
  }));
  const rules = [...report.rules, { ...RULE, found: entries.length }];
  return { ledger: [...ledger, ...entries], report: { ...report, rules, review } };
}

async function predictBoxes(
  { classes, splits }: CleanedDataset,
  { folder, limits, predict }: ReviewOptions,
): Promise<ReviewedSample[]> {
  const samples = SPLITS.flatMap(split => splits[split].map(sample => ({ split, sample })));
  const files = samples.map(({ sample }) => join(folder, sample.image));
  const found = await predict(files, Math.min(limits.min_location_score, limits.min_doubt_score));
  const indices = new Map(classes.map((name, index) => [name, index]));
  return samples.map(({ split, sample }, i) => {
    const crowds = sample.boxes.filter(({ crowd }) => crowd).map(({ box }) => box);
    const predictions = found[i]!.detections.flatMap(({ box, label, score }) => {
      const classIndex = indices.get(label);
      // The single objects of a crowd are not labelled, so predictions inside one prove nothing.
      return classIndex === undefined || crowds.some(crowd => isInside(box, crowd))
        ? []
        : [{ box, classIndex, label, score }];
    });
    const labels = sample.boxes.flatMap(({ box, classIndex, crowd }, at) =>
      crowd ? [] : [{ at, box, classIndex, label: classes[classIndex]! }],
    );
    return { split, sample, labels, predictions };
  });
}

const isInside = (box: BoxYxyx, crowd: BoxYxyx): boolean => boxArea(intersect(box, crowd)) > boxArea(box) / 2;

const warning = ({ split, sample }: ReviewedSample): Omit<LedgerEntry, 'reason'> => ({
  split,
  file: sample.original,
  rule: RULE.id,
  action: 'warn',
});

function overlookedObjects(
  reviewed: ReviewedSample,
  { overlooked }: LabelQuality,
  { max_doubted_quality }: Cleaning,
): LedgerEntry[] {
  return reviewed.predictions.flatMap(({ box, label, score }, p) => {
    const quality = overlooked[p] ?? null;
    if (quality === null || quality > max_doubted_quality) return [];
    const reason = `overlooked: a ${label} of score ${score.toFixed(2)} where nothing is labelled`;
    return [{ ...warning(reviewed), reason, after: { box, label, score } }];
  });
}

function doubtedLabels(
  reviewed: ReviewedSample,
  { swapped, badlyLocated }: LabelQuality,
  { max_doubted_quality, min_doubt_score }: Cleaning,
): LedgerEntry[] {
  return reviewed.labels.flatMap(({ at, box, label }, l) => {
    const [ofClass, ofPlace] = [swapped[l]!, badlyLocated[l]!];
    const isSwapped = ofClass <= max_doubted_quality;
    const doubts = [
      ...(isSwapped ? [`wrong class: quality ${ofClass.toFixed(2)}`] : []),
      ...(ofPlace <= max_doubted_quality ? [`badly located: quality ${ofPlace.toFixed(2)}`] : []),
    ];
    const candidates = isSwapped
      ? reviewed.predictions.filter(one => one.label !== label && one.score > min_doubt_score)
      : reviewed.predictions;
    const other = mostOverlapping(box, candidates);
    return doubts.map(doubt => ({
      ...warning(reviewed),
      at,
      reason: `${label}: ${doubt}`,
      before: { box, label },
      ...(other && { after: { box: other.box, label: other.label, score: other.score } }),
    }));
  });
}

function mostOverlapping(box: BoxYxyx, predictions: readonly NamedPrediction[]): NamedPrediction | undefined {
  return predictions
    .map(prediction => ({ prediction, shared: boxArea(intersect(box, prediction.box)) }))
    .filter(({ shared }) => shared > 0)
    .sort((a, b) => b.shared - a.shared)[0]?.prediction;
}

async function drawSheet(queue: readonly QueuedSample[], folder: string): Promise<void> {
  const images = await mapConcurrently(queue, async ({ sample, labels, predictions, score }) => {
    const given = labels.map(({ box, label }): DrawnBox => ({ box, label, colour: TRUTH_COLOUR }));
    const predicted = predictions.map((one): DrawnBox => ({
      box: one.box,
      label: `${one.label} ${one.score.toFixed(2)}`,
      colour: DETECTION_COLOUR,
    }));
    const image = await drawBoxes(join(folder, sample.image), [...given, ...predicted]);
    return { image, caption: `${basename(sample.original)}: quality ${score.toFixed(3)}` };
  });
  const legend = { labelled: TRUTH_COLOUR, predicted: DETECTION_COLOUR };
  const sheet = await contactSheet(images, { columns: Math.min(SHEET_COLUMNS, images.length), legend });
  await writeFile(join(folder, REVIEW_SHEET), sheet);
}
