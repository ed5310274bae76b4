import type { NmsConfigs } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';

/** A network's raw answers for one image, channels first; one map a level. */
export interface RawMaps {
  /** [9 · classes, h, w], or of some cells [9 · classes, cells]: anchor-major, then class. */
  readonly classLogits: readonly Float32Array[];
  /** Which cells, counted row by row, by level; all, where it is left out. Others hold nothing that scores enough. */
  readonly cells?: readonly Int32Array[];
  /** [36, h, w]: anchor-major, then ty, tx, th, tw. */
  readonly boxDeltas: readonly Float32Array[];
}

export interface SuppressOptions {
  readonly grid: AnchorGrid;
  readonly numClasses: number;
  readonly nms: NmsConfigs;
}

export interface Kept {
  /** ymin, xmin, ymax, xmax in pixels of the network input, not clipped. */
  readonly box: Float64Array;
  /** From 0. */
  readonly classIndex: number;
  readonly score: number;
}

/**
 * The detections of one image by falling score, as `detect` gives them in a TensorFlow graph: the same four ways of
 * google/automl's `postprocess.py`, and where scores are equal the lower class of those that are told apart, then the lower
 * anchor first (TensorFlow's kernel of hard suppression class by class has no rule for it). Without
 * TensorFlow: one queue of all candidates ends at the last detection that is wanted, however many score enough.
 */
export function suppress(maps: RawMaps, options: SuppressOptions): Kept[] {
  const { nms } = options;
  // Whatever scores less than the last one kept was never looked at: mostly the best thousands are enough, of millions.
  const high = nms.method === 'hard' ? scoreOfEnough(maps) : 0;
  const kept = high > nms.score_thresh ? suppressAbove(maps, high, options) : null;
  return kept ?? suppressAll(maps, options);
}

/** The same of maps whose logits are complete from `from` on only; null: others have to be looked at. */
export function suppressComplete(maps: RawMaps, from: number, options: SuppressOptions): Kept[] | null {
  const { nms } = options;
  const complete = sigmoid(from);
  if (complete <= nms.score_thresh) return suppress(maps, options);
  return nms.method === 'hard' ? suppressAbove(maps, complete, options) : null;
}

/** By hard suppression, of what scores more than `score`; null: it is not as many as are wanted. */
function suppressAbove(maps: RawMaps, score: number, options: SuppressOptions): Kept[] | null {
  const kept = suppressAll(maps, { ...options, nms: { ...options.nms, score_thresh: score } });
  return kept.length === options.nms.max_output_size ? kept : null;
}

/** So many candidates that what is wanted is nearly always among them; one logit in a thousand is looked at to find their score. */
const ENOUGH = 20_000;
const SAMPLED = 1009;

function scoreOfEnough({ classLogits }: RawMaps): number {
  const sample: number[] = [];
  for (const logits of classLogits) for (let i = 0; i < logits.length; i += SAMPLED) sample.push(logits[i]!);
  const rank = Math.round(ENOUGH / SAMPLED);
  return sample.length > rank ? sigmoid(Float32Array.from(sample).sort().at(-rank)!) : 0;
}

function suppressAll(maps: RawMaps, options: SuppressOptions): Kept[] {
  const { grid, nms } = options;
  const candidates = nms.per_class ? everyClass(maps, options) : bestClasses(maps, options);
  const isLimited = nms.per_class && nms.method === 'gaussian' && nms.max_nms_inputs > 0;
  const queue = new Queue(isLimited ? best(candidates, nms.max_nms_inputs) : candidates, {
    perClass: nms.per_class,
    anchors: grid.count,
  });
  const rivals = new Map<number, Kept[]>();
  const kept: Kept[] = [];
  while (kept.length < nms.max_output_size && !queue.isEmpty) {
    const candidate = queue.pop();
    const { anchor, classIndex } = candidate;
    const box = decode(maps, grid, anchor);
    const group = nms.per_class ? classIndex : 0;
    const others = rivals.get(group) ?? [];
    const score = rivalled({ ...candidate, box }, others, nms);
    if (score === candidate.score) {
      const one = { box, classIndex, score };
      kept.push(one);
      rivals.set(group, [...others, one]);
    } else if (score > nms.score_thresh) queue.push({ ...candidate, score, seen: others.length });
  }
  return kept;
}

interface Candidate {
  /** Its place in the grid. */
  readonly anchor: number;
  readonly classIndex: number;
  readonly score: number;
  /** How many rivals have lowered its score already. */
  readonly seen: number;
}

/** A score after the rivals that were kept since it was last looked at; 0: suppressed. */
function rivalled(
  { box, score, seen }: Candidate & { box: Float64Array },
  rivals: readonly Kept[],
  { method, iou_thresh, sigma, score_thresh }: NmsConfigs,
): number {
  let left = score;
  for (let i = rivals.length - 1; i >= seen && left > score_thresh; i--) {
    const iou = overlap(box, rivals[i]!.box);
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

/** The inverse of the box coder. */
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

/** Candidates as parallel lists. */
class Candidates {
  anchors = new Int32Array(1024);
  classes = new Int32Array(1024);
  scores = new Float32Array(1024);
  count = 0;

  add(anchor: number, classIndex: number, score: number): void {
    if (this.count === this.anchors.length) this.#grow();
    this.anchors[this.count] = anchor;
    this.classes[this.count] = classIndex;
    this.scores[this.count++] = score;
  }

  #grow(): void {
    const grown = <T extends Int32Array | Float32Array>(list: T, into: T): T => (into.set(list), into);
    this.anchors = grown(this.anchors, new Int32Array(2 * this.count));
    this.classes = grown(this.classes, new Int32Array(2 * this.count));
    this.scores = grown(this.scores, new Float32Array(2 * this.count));
  }
}

const sigmoid = (logit: number): number => Math.fround(1 / (1 + Math.exp(-logit)));

/** Just below the logit of a score: most are left out by it, without the sigmoid. */
export const logitBelow = (score: number): number => Math.log(score / (1 - score)) - 1e-3;

/** Logits of one class of one anchor of every cell. */
interface Channel {
  readonly logits: Float32Array;
  readonly start: number;
  readonly count: number;
  readonly classIndex: number;
  /** @returns the place in the grid of that anchor in the cell whose logit is `i` after the start. */
  readonly anchorOf: (i: number) => number;
}

function* channels(
  { classLogits, cells }: RawMaps,
  { grid, numClasses }: SuppressOptions,
): Generator<Channel> {
  let first = 0;
  for (const [level, { height, width, count: anchors }] of grid.levels.entries()) {
    const step = anchors / (height * width);
    const logits = classLogits[level]!;
    const chosen = cells?.[level];
    const count = chosen ? chosen.length : height * width;
    for (let shape = 0; shape < step; shape++) {
      const anchor = first + shape;
      const anchorOf = (i: number): number => anchor + (chosen ? chosen[i]! : i) * step;
      for (let classIndex = 0; classIndex < numClasses; classIndex++) {
        const start = (shape * numClasses + classIndex) * count;
        yield { logits, start, count, classIndex, anchorOf };
      }
    }
    first += anchors;
  }
}

/** Every class of every anchor that scores enough. */
function everyClass(maps: RawMaps, options: SuppressOptions): Candidates {
  const { score_thresh } = options.nms;
  const least = logitBelow(score_thresh);
  const found = new Candidates();
  for (const { logits, start, count, classIndex, anchorOf } of channels(maps, options))
    for (let i = 0; i < count; i++) {
      const logit = logits[start + i]!;
      if (logit < least) continue;
      const score = sigmoid(logit);
      if (score > score_thresh) found.add(anchorOf(i), classIndex, score);
    }
  return found;
}

/** Of every anchor the best class, where it scores enough. */
function bestClasses(maps: RawMaps, options: SuppressOptions): Candidates {
  const { count: anchors } = options.grid;
  const [best, classes] = [new Float32Array(anchors).fill(-Infinity), new Int32Array(anchors)];
  for (const { logits, start, count, classIndex, anchorOf } of channels(maps, options))
    for (let i = 0; i < count; i++) {
      const logit = logits[start + i]!;
      const anchor = anchorOf(i);
      if (logit <= best[anchor]!) continue;
      best[anchor] = logit;
      classes[anchor] = classIndex;
    }
  const found = new Candidates();
  best.forEach((logit, anchor) => {
    const score = sigmoid(logit);
    if (score > options.nms.score_thresh) found.add(anchor, classes[anchor]!, score);
  });
  return found;
}

/** The best ones, and what scores as the last of them. */
function best(all: Candidates, limit: number): Candidates {
  if (limit >= all.count) return all;
  const least = all.scores.slice(0, all.count).sort()[all.count - limit]!;
  const found = new Candidates();
  for (let i = 0; i < all.count; i++)
    if (all.scores[i]! >= least) found.add(all.anchors[i]!, all.classes[i]!, all.scores[i]!);
  return found;
}

/** The highest score first; of equal ones the lower class where these are told apart, then the lower anchor. A binary heap. */
class Queue {
  readonly #candidates: Candidates;
  /** How far apart the classes are in the order of equal scores. */
  readonly #stride: number;
  /** Places in the lists. */
  readonly #heap: Int32Array;
  readonly #seen: Int32Array;
  #size: number;
  /** The place of what was popped last: it may come back. */
  #last = 0;

  constructor(candidates: Candidates, { perClass, anchors }: { perClass: boolean; anchors: number }) {
    this.#candidates = candidates;
    this.#stride = perClass ? anchors : 0;
    this.#size = candidates.count;
    this.#heap = new Int32Array(this.#size); // not by `from`, which makes a list of millions of objects first
    for (let place = 0; place < this.#size; place++) this.#heap[place] = place;
    this.#seen = new Int32Array(this.#size);
    for (let at = (this.#size >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  pop(): Candidate {
    const place = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#sink(0);
    this.#last = place;
    const { anchors, classes, scores } = this.#candidates;
    return {
      anchor: anchors[place]!,
      classIndex: classes[place]!,
      score: scores[place]!,
      seen: this.#seen[place]!,
    };
  }

  /** Takes back what was popped last, with another score. */
  push({ score, seen }: Candidate): void {
    this.#candidates.scores[this.#last] = score;
    this.#seen[this.#last] = seen;
    let at = this.#size++;
    this.#heap[at] = this.#last;
    for (let above = (at - 1) >> 1; at > 0 && this.#isBefore(at, above); above = (at - 1) >> 1) {
      this.#swap(at, above);
      at = above;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      let first = at;
      for (const below of [2 * at + 1, 2 * at + 2])
        if (below < this.#size && this.#isBefore(below, first)) first = below;
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = kept;
  }

  #isBefore(a: number, b: number): boolean {
    const { anchors, classes, scores } = this.#candidates;
    const [one, other] = [this.#heap[a]!, this.#heap[b]!];
    if (scores[one] !== scores[other]) return scores[one]! > scores[other]!;
    const order = (place: number): number => classes[place]! * this.#stride + anchors[place]!;
    return order(one) < order(other);
  }
}
