import { type BoxYxyx, iou } from '../../boxes.js';

export interface ClassBox {
  /** In pixels of the image. */
  readonly box: BoxYxyx;
  readonly classIndex: number;
}

export interface PredictedBox extends ClassBox {
  readonly score: number;
}

export interface ReviewedImage {
  readonly labels: readonly ClassBox[];
  readonly predictions: readonly PredictedBox[];
}

/** Scores from 0 (certainly wrong) to 1. */
export interface LabelQuality {
  /** By prediction: how likely no object was overlooked there; null: its score is too low, or it overlaps a label. */
  readonly overlooked: readonly (number | null)[];
  /** By label: how likely its class is correct. */
  readonly swapped: readonly number[];
  /** By label: how well its box is placed. */
  readonly badlyLocated: readonly number[];
  /** The score of the image: the geometric mean of the three, each pooled over its boxes. */
  readonly score: number;
}

export interface QualityLimits {
  /** Predictions above this score are compared with the location of a label. */
  readonly low: number;
  /** Predictions from this score on tell that a box was overlooked; above it, that one has the wrong class. */
  readonly high: number;
}

/** Weight of the IoU in the similarity of two boxes; the rest is the weight of the distance between their centres. */
const ALPHA = 0.9;
/** Scales that distance, in 1 / pixels. */
const DISTANCE_FACTOR = 0.1;
const TEMPERATURE = 0.1;
/** Labels of different classes contradict each other from this IoU on. */
const SAME_BOX_IOU = 0.95;
const TINY = 1e-100;

/**
 * ObjectLab (Tkachenko, Thyagarajan, Mueller, "ObjectLab: automated diagnosis of mislabeled images in object detection
 * data", 2023), exactly as cleanlab's `object_detection.rank` computes it.
 */
export function labelQuality(images: readonly ReviewedImage[], limits: QualityLimits): LabelQuality[] {
  const compared = images.map(image => ({ ...image, similarity: similarities(image) }));
  const least = compared.reduce(
    (min, { similarity }) => similarity.flat().reduce((a, b) => (b > 0 ? Math.min(a, b) : a), min),
    1,
  );
  return compared.map(image => {
    const overlooked = overlookedScores(image, { least, high: limits.high });
    const swapped = swapScores(image, { least, high: limits.high });
    const badlyLocated = locationScores(image, limits.low);
    const scored = overlooked.filter(score => score !== null);
    const pooled = [scored, badlyLocated, swapped].map(softMin);
    const score = Math.exp(pooled.reduce((sum, value) => sum + Math.log(TINY + value) / 3, 0));
    return { overlooked, swapped, badlyLocated, score };
  });
}

interface Compared extends ReviewedImage {
  /** [label][prediction] */
  readonly similarity: readonly (readonly number[])[];
}

function similarities({ labels, predictions }: ReviewedImage): number[][] {
  return labels.map(({ box: a }) =>
    predictions.map(({ box: b }) => {
      const distance = Math.hypot((a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2);
      // Subtracted from 1 twice, as cleanlab does: values that are too small for that become 0.
      const farness = 1 - Math.exp(-distance * DISTANCE_FACTOR);
      return iou(a, b) * ALPHA + (1 - ALPHA) * (1 - farness);
    }),
  );
}

function overlookedScores(
  { labels, predictions, similarity }: Compared,
  { least, high }: { least: number; high: number },
): (number | null)[] {
  return predictions.map(({ box, classIndex, score }, p) => {
    if (score < high || labels.some(label => iou(label.box, box) > 0)) return null;
    const ofClass = labels.flatMap((label, l) =>
      label.classIndex === classIndex ? [similarity[l]![p]!] : [],
    );
    return ofClass.length === 0 ? least * (1 - score) : Math.max(...ofClass);
  });
}

function swapScores(
  { labels, predictions, similarity }: Compared,
  { least, high }: { least: number; high: number },
): number[] {
  return labels.map(({ box, classIndex }, l) => {
    const isContradicted = labels.some(
      (other, o) => o !== l && other.classIndex !== classIndex && iou(other.box, box) >= SAME_BOX_IOU,
    );
    if (isContradicted) return least;
    const others = predictions.flatMap((prediction, p) =>
      prediction.classIndex !== classIndex && prediction.score > high ? [similarity[l]![p]!] : [],
    );
    return others.length === 0 ? 1 : Math.max(least, 1 - Math.max(...others));
  });
}

function locationScores({ labels, predictions, similarity }: Compared, low: number): number[] {
  return labels.map(({ box, classIndex }, l) => {
    const same = predictions.flatMap((prediction, p) =>
      prediction.classIndex === classIndex && prediction.score > low && iou(box, prediction.box) > 0
        ? [similarity[l]![p]!]
        : [],
    );
    return same.length === 0 ? 1 : Math.max(...same);
  });
}

/** A mean that is dominated by the lowest values; 1 for an empty list. */
function softMin(scores: readonly number[]): number {
  if (scores.length === 0) return 1;
  const lowest = Math.min(...scores);
  const weights = scores.map(score => Math.exp((lowest - score) / TEMPERATURE));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return scores.reduce((sum, score, i) => sum + (score * weights[i]!) / total, 0);
}
