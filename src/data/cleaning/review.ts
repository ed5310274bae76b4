import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BoxYxyx, boxArea, intersect } from '../../boxes.js';
import { mapConcurrently } from '../../concurrency.js';
import type { Cleaning } from '../../config/cleaning.js';
import { errors } from '../../errors/index.js';
import type { Prediction } from '../../formats/prediction.js';
import {
  type CleanedDataset,
  type CleanedSample,
  readCleanedDataset,
  type Split,
} from '../../formats/dataset.js';
import { contactSheet, DETECTION_COLOUR, drawBoxes, type DrawnBox, TRUTH_COLOUR } from '../../images/draw.js';
import { type LabelQuality, labelQuality, type PredictedBox } from './label-quality.js';
import { type Findings, readFindings, writeFindings } from './report-files.js';
import type { LedgerEntry } from './report.js';

const RULE = { id: 'M01', title: 'label that a trained model doubts' } as const;
/** The worst images, with labelled and predicted boxes. */
export const REVIEW_SHEET = 'review.png';
const SHEET_IMAGES = 24;
const SHEET_COLUMNS = 3;

export interface ReviewOptions {
  /** A cleaned data set: its ledger and report are completed. */
  readonly folder: string;
  readonly limits: Cleaning;
  /** Of the model. */
  readonly classes: readonly string[];
  /** What the model finds in these files from this score on, one answer a file. */
  readonly predict: (images: readonly string[], minScore: number) => Promise<readonly Prediction[]>;
}

interface Reviewed {
  readonly split: Split;
  readonly sample: CleanedSample;
  /** Labels that are no crowd: places in the sample's list. */
  readonly places: readonly number[];
  readonly predictions: readonly PredictedBox[];
}

/**
 * Lets a trained model look at the labels of a cleaned data set: boxes that were overlooked, have the wrong class or lie badly
 * become warnings, images a queue to review, the worst ones a sheet. No label is changed.
 */
export async function reviewLabels(options: ReviewOptions): Promise<Findings> {
  const { folder, limits } = options;
  const dataset = await readCleanedDataset(folder);
  if (dataset.classes.some(name => !options.classes.includes(name)))
    throw errors.classesDiffer(options.classes, dataset.classes);
  const reviewed = await lookAt(dataset, options);
  const qualities = labelQuality(
    reviewed.map(({ sample, places, predictions }) => ({
      labels: places.map(at => ({ box: sample.boxes[at]!.box, classIndex: sample.boxes[at]!.classIndex })),
      predictions,
    })),
    { low: limits.min_location_score, high: limits.min_doubt_score },
  );
  const queue = reviewed
    .map((one, i) => ({
      ...one,
      score: qualities[i]!.score,
      entries: doubts(one, qualities[i]!, { classes: dataset.classes, limits }),
    }))
    .filter(({ entries }) => entries.length > 0)
    .sort((a, b) => a.score - b.score);
  const { report, ledger } = await readFindings(folder);
  const entries = queue.flatMap(one => one.entries);
  const findings = {
    ledger: [...ledger, ...entries],
    report: {
      ...report,
      rules: [...report.rules, { ...RULE, found: entries.length }],
      review: queue.map(({ sample, split, score, entries: own }) => ({
        file: sample.original,
        split,
        score,
        findings: own.length,
      })),
    },
  };
  await writeFindings(folder, findings);
  if (queue.length > 0) await drawSheet(queue.slice(0, SHEET_IMAGES), { folder, classes: dataset.classes });
  return findings;
}

async function lookAt(
  { classes, splits }: CleanedDataset,
  { folder, limits, predict }: ReviewOptions,
): Promise<Reviewed[]> {
  const samples = (['train', 'eval'] as const).flatMap(split =>
    splits[split].map(sample => ({ split, sample })),
  );
  const least = Math.min(limits.min_location_score, limits.min_doubt_score);
  const found = await predict(
    samples.map(({ sample }) => join(folder, sample.image)),
    least,
  );
  const indices = new Map(classes.map((name, index) => [name, index]));
  return samples.map(({ split, sample }, i) => {
    const crowds = sample.boxes.filter(({ crowd }) => crowd).map(({ box }) => box);
    const predictions = found[i]!.detections.flatMap(({ box, label, score }) => {
      const classIndex = indices.get(label);
      // Of what a crowd holds, nothing is known box by box.
      return classIndex === undefined || crowds.some(crowd => isInside(box, crowd))
        ? []
        : [{ box, classIndex, score }];
    });
    const places = sample.boxes.flatMap(({ crowd }, at) => (crowd ? [] : [at]));
    return { split, sample, places, predictions };
  });
}

const isInside = (box: BoxYxyx, crowd: BoxYxyx): boolean => boxArea(intersect(box, crowd)) > boxArea(box) / 2;

function doubts(
  { split, sample, places, predictions }: Reviewed,
  { overlooked, swapped, badlyLocated }: LabelQuality,
  { classes, limits: { max_doubted_quality: most, min_doubt_score: high } }: DoubtOptions,
): LedgerEntry[] {
  const entry = { split, file: sample.original, rule: RULE.id, action: 'warn' } as const;
  const labelled = (at: number): { box: BoxYxyx; label: string } => ({
    box: sample.boxes[at]!.box,
    label: classes[sample.boxes[at]!.classIndex]!,
  });
  const predicted = ({
    box,
    classIndex,
    score,
  }: PredictedBox): { box: BoxYxyx; label: string; score: number } => ({
    box,
    label: classes[classIndex]!,
    score,
  });
  const missing = overlooked.flatMap((quality, p) => {
    if (quality === null || quality > most) return [];
    const after = predicted(predictions[p]!);
    const reason = `overlooked: a ${after.label} of score ${after.score.toFixed(2)} where nothing is labelled`;
    return [{ ...entry, reason, after }];
  });
  const doubted = places.flatMap((at, l) => {
    const before = labelled(at);
    const kinds: string[] = [];
    if (swapped[l]! <= most) kinds.push(`wrong class: quality ${swapped[l]!.toFixed(2)}`);
    if (badlyLocated[l]! <= most) kinds.push(`badly located: quality ${badlyLocated[l]!.toFixed(2)}`);
    const other = mostAlike(before.box, predictions, {
      except: swapped[l]! <= most ? before.label : null,
      classes,
      high,
    });
    const after = other && predicted(other);
    return kinds.map(kind => ({
      ...entry,
      at,
      reason: `${before.label}: ${kind}`,
      before,
      ...(after && { after }),
    }));
  });
  return [...missing, ...doubted];
}

interface DoubtOptions {
  readonly classes: readonly string[];
  readonly limits: Cleaning;
}

/** What the model would have there instead. */
function mostAlike(
  box: BoxYxyx,
  predictions: readonly PredictedBox[],
  { except, classes, high }: { except: string | null; classes: readonly string[]; high: number },
): PredictedBox | undefined {
  return predictions
    .filter(({ classIndex, score }) => except === null || (classes[classIndex] !== except && score > high))
    .map(prediction => ({ prediction, shared: boxArea(intersect(box, prediction.box)) }))
    .filter(({ shared }) => shared > 0)
    .sort((a, b) => b.shared - a.shared)[0]?.prediction;
}

async function drawSheet(
  queue: readonly (Reviewed & { score: number })[],
  { folder, classes }: { folder: string; classes: readonly string[] },
): Promise<void> {
  const images = await mapConcurrently(queue, async ({ sample, places, predictions, score }) => {
    const given = places.map((at): DrawnBox => ({
      box: sample.boxes[at]!.box,
      label: classes[sample.boxes[at]!.classIndex]!,
      colour: TRUTH_COLOUR,
    }));
    const found = predictions.map((one): DrawnBox => ({
      box: one.box,
      label: `${classes[one.classIndex]!} ${one.score.toFixed(2)}`,
      colour: DETECTION_COLOUR,
    }));
    const image = await drawBoxes(join(folder, sample.image), [...given, ...found]);
    return { image, caption: `${basename(sample.original)}: quality ${score.toFixed(3)}` };
  });
  const legend = { labelled: TRUTH_COLOUR, predicted: DETECTION_COLOUR };
  const sheet = await contactSheet(images, { columns: Math.min(SHEET_COLUMNS, images.length), legend });
  await writeFile(join(folder, REVIEW_SHEET), sheet);
}
