import type { NmsConfigs } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { type Candidate, CandidateQueue } from './candidate-queue.js';
import {
  allClasses,
  bestCandidates,
  bestClasses,
  type RawMaps,
  sigmoid,
  type SuppressOptions,
} from './candidates.js';

export interface KeptBox {
  /** ymin, xmin, ymax, xmax in pixels of the network input, not clipped. */
  readonly box: Float64Array;
  /** From 0. */
  readonly classIndex: number;
  readonly score: number;
}

/**
 * The detections of one image by falling score, as `detect` gives them in a TensorFlow graph: by the same four methods of
 * google/automl's `postprocess.py`. Of equal scores, the lower class comes first where classes are told apart, then the
 * lower anchor (TensorFlow's kernel for hard suppression by class has no such rule). One queue of all candidates ends at
 * the last detection that is asked for, however many score enough.
 */
export function suppress(maps: RawMaps, options: SuppressOptions): KeptBox[] {
  const { nms } = options;
  // Candidates that score less than the last box kept have no influence: of millions, the best thousands mostly suffice.
  const high = nms.method === 'hard' ? scoreOfEnough(maps) : 0;
  const kept = high > nms.score_thresh ? suppressAbove(maps, high, options) : null;
  return kept ?? suppressAll(maps, options);
}

/** The same for maps that lack logits below `from`; null: the missing ones are needed. */
export function suppressComplete(maps: RawMaps, from: number, options: SuppressOptions): KeptBox[] | null {
  const { nms } = options;
  const complete = sigmoid(from);
  if (complete <= nms.score_thresh) return suppress(maps, options);
  return nms.method === 'hard' ? suppressAbove(maps, complete, options) : null;
}

/** Hard suppression of the candidates that score more than `score`; null: they give fewer detections than are asked for. */
function suppressAbove(maps: RawMaps, score: number, options: SuppressOptions): KeptBox[] | null {
  const kept = suppressAll(maps, { ...options, nms: { ...options.nms, score_thresh: score } });
  return kept.length === options.nms.max_output_size ? kept : null;
}

/** Enough candidates to hold nearly always all detections; a sample of one logit in a thousand estimates their score. */
const ENOUGH = 20_000;
const SAMPLED = 1009;

function scoreOfEnough({ classLogits }: RawMaps): number {
  const sample: number[] = [];
  for (const logits of classLogits) for (let i = 0; i < logits.length; i += SAMPLED) sample.push(logits[i]!);
  const rank = Math.round(ENOUGH / SAMPLED);
  return sample.length > rank ? sigmoid(Float32Array.from(sample).sort().at(-rank)!) : 0;
}

function suppressAll(maps: RawMaps, options: SuppressOptions): KeptBox[] {
  const { grid, nms } = options;
  const candidates = nms.per_class ? allClasses(maps, options) : bestClasses(maps, options);
  const isLimited = nms.per_class && nms.method === 'gaussian' && nms.max_nms_inputs > 0;
  const queue = new CandidateQueue(isLimited ? bestCandidates(candidates, nms.max_nms_inputs) : candidates, {
    perClass: nms.per_class,
    anchors: grid.count,
  });
  const keptByGroup = new Map<number, KeptBox[]>();
  const kept: KeptBox[] = [];
  while (kept.length < nms.max_output_size && !queue.isEmpty) {
    const candidate = queue.pop();
    const { anchor, classIndex } = candidate;
    const box = decode(maps, grid, anchor);
    const group = nms.per_class ? classIndex : 0;
    const others = keptByGroup.get(group) ?? [];
    const score = decayedScore({ ...candidate, box }, others, nms);
    if (score === candidate.score) {
      const one = { box, classIndex, score };
      kept.push(one);
      keptByGroup.set(group, [...others, one]);
    } else if (score > nms.score_thresh) queue.push({ ...candidate, score, compared: others.length });
  }
  return kept;
}

/** The score that is left beside the boxes that were kept since it was last compared; 0: suppressed. */
function decayedScore(
  { box, score, compared }: Candidate & { box: Float64Array },
  others: readonly KeptBox[],
  { method, iou_thresh, sigma, score_thresh }: NmsConfigs,
): number {
  let left = score;
  for (let i = others.length - 1; i >= compared && left > score_thresh; i--) {
    const iou = overlap(box, others[i]!.box);
    if (method === 'gaussian') left = Math.fround(left * Math.exp(-(iou * iou) / sigma));
    else if (iou > iou_thresh) return 0;
  }
  return left;
}

function overlap(a: Float64Array, b: Float64Array): number {
  const height = Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!);
  const width = Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!);
  if (height <= 0 || width <= 0) return 0;
  const area = (box: Float64Array): number => (box[2]! - box[0]!) * (box[3]! - box[1]!);
  const shared = height * width;
  return shared / (area(a) + area(b) - shared);
}

/** Decodes the box of an anchor: the inverse of the box coder. */
function decode({ boxDeltas }: RawMaps, { boxes, levels }: AnchorGrid, anchor: number): Float64Array {
  let [level, first] = [0, 0];
  while (anchor - first >= levels[level]!.count) first += levels[level++]!.count;
  const { height, width } = levels[level]!;
  const area = height * width;
  const perCell = levels[level]!.count / area;
  const [cell, shape] = [Math.floor((anchor - first) / perCell), (anchor - first) % perCell];
  const delta = (side: number): number => boxDeltas[level]![(shape * 4 + side) * area + cell]!;
  const box = new Float64Array(4);
  for (const axis of [0, 1]) {
    const [low, high] = [boxes[anchor * 4 + axis]!, boxes[anchor * 4 + axis + 2]!];
    const size = high - low;
    const middle = delta(axis) * size + (low + high) / 2;
    const half = (Math.exp(delta(axis + 2)) * size) / 2;
    box[axis] = middle - half;
    box[axis + 2] = middle + half;
  }
  return box;
}
