import type { Report } from '../formats/report.js';
import { randomFrom } from '../random.js';
import { type MatchedScene, rankByScore } from './coco.js';
import { mean, RECALLS } from './precision-recall.js';

const LEVEL = 0.95;
const RESAMPLES = 500;

/** The confidence interval of AP50 by bootstrap over the images; null where AP50 is undefined. */
export function confidenceOfAP50(scene: MatchedScene, seed: number): Report['confidence'] {
  const classes = classesOf(scene);
  if (classes.length === 0) return null;
  const random = randomFrom('bootstrap', seed);
  const values = Array.from({ length: RESAMPLES }, () => {
    const weights = new Uint16Array(scene.images.length);
    for (let i = 0; i < weights.length; i++) weights[random.integer(weights.length)]!++;
    return weightedAP50(classes, weights);
  }).sort((a, b) => a - b);
  const at = (share: number): number => values[Math.round(share * (RESAMPLES - 1))]!;
  return { low: at((1 - LEVEL) / 2), high: at((1 + LEVEL) / 2), level: LEVEL, resamples: RESAMPLES };
}

interface RankedClass {
  /** In descending order of score. */
  readonly outcomes: Int8Array;
  readonly images: Int32Array;
  /** The image of each box. */
  readonly boxImages: Int32Array;
}

export function classesOf(scene: MatchedScene): RankedClass[] {
  const { truth, truthImage, foundImage } = scene;
  return scene.matched
    .filter(({ areas }) => areas.all.positives > 0)
    .map(matched => {
      const order = rankByScore(scene, matched);
      const boxes = matched.truths.filter(index => truth.annotations[index]!.iscrowd === 0);
      return {
        outcomes: Int8Array.from(order, d => matched.areas.all.values[d]!),
        images: Int32Array.from(order, d => foundImage[matched.found[d]!]!),
        boxImages: Int32Array.from(boxes, index => truthImage[index]!),
      };
    });
}

/** AP50 with images weighted by how often they count; classes without remaining boxes are skipped. */
export function weightedAP50(classes: readonly RankedClass[], weights: Uint16Array): number {
  const values = classes.flatMap(ranked => {
    const positives = ranked.boxImages.reduce((sum, image) => sum + weights[image]!, 0);
    return positives === 0 ? [] : [weightedPrecision(ranked, { weights, positives })];
  });
  return values.length === 0 ? 0 : mean(values);
}

/** The average precision of one class; the interpolated curve has its corners at true positives. */
function weightedPrecision(
  { outcomes, images }: RankedClass,
  { weights, positives }: { weights: Uint16Array; positives: number },
): number {
  const [recall, precision]: [number[], number[]] = [[], []];
  let [hits, falsePositives] = [0, 0];
  for (let i = 0; i < outcomes.length; i++) {
    const weight = weights[images[i]!]!;
    if (outcomes[i] === 0) falsePositives += weight;
    if (outcomes[i] !== 1 || weight === 0) continue;
    hits += weight;
    recall.push(hits / positives);
    precision.push(hits / (hits + falsePositives));
  }
  for (let i = precision.length - 1; i > 0; i--)
    precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  let sum = 0;
  for (let r = 0, i = 0; r < RECALLS.length; r++) {
    while (i < recall.length && recall[i]! < RECALLS[r]!) i++;
    if (i === recall.length) break;
    sum += precision[i]!;
  }
  return sum / RECALLS.length;
}
