import type { NmsConfigs } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';

/** The raw outputs of a network for one image, channels first; one map for each level. */
export interface RawMaps {
  /** [9 · classes, h, w], or for some cells [9 · classes, cells]: anchor-major, then class. */
  readonly classLogits: readonly Float32Array[];
  /**
   * The cells that `classLogits` holds, by level, counted row by row; default: all. The others score too little. A cell is
   * one place of a level's map, with its anchors.
   */
  readonly cells?: readonly Int32Array[];
  /** [36, h, w]: anchor-major, then ty, tx, th, tw. */
  readonly boxDeltas: readonly Float32Array[];
}

export interface SuppressOptions {
  readonly grid: AnchorGrid;
  readonly numClasses: number;
  readonly nms: NmsConfigs;
}

/** Anchors with a class and a score, as parallel lists: there may be millions. */
export class Candidates {
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

export const sigmoid = (logit: number): number => Math.fround(1 / (1 + Math.exp(-logit)));

/** A logit just below that of a score: it rules most candidates out without computing the sigmoid. */
export const logitBelow = (score: number): number => Math.log(score / (1 - score)) - 1e-3;

/** The logits of one class for one of the anchors of every cell. */
interface Channel {
  readonly logits: Float32Array;
  readonly start: number;
  readonly count: number;
  readonly classIndex: number;
  /** The anchor's index in the grid, for the cell whose logit is `i` after the start. */
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
export function allClasses(maps: RawMaps, options: SuppressOptions): Candidates {
  const { score_thresh } = options.nms;
  const minLogit = logitBelow(score_thresh);
  const found = new Candidates();
  for (const { logits, start, count, classIndex, anchorOf } of channels(maps, options))
    for (let i = 0; i < count; i++) {
      const logit = logits[start + i]!;
      if (logit < minLogit) continue;
      const score = sigmoid(logit);
      if (score > score_thresh) found.add(anchorOf(i), classIndex, score);
    }
  return found;
}

/** The best class of every anchor, where it scores enough. */
export function bestClasses(maps: RawMaps, options: SuppressOptions): Candidates {
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

/** The best candidates, and all that score the same as the last of them. */
export function bestCandidates(all: Candidates, limit: number): Candidates {
  if (limit >= all.count) return all;
  const minScore = all.scores.slice(0, all.count).sort()[all.count - limit]!;
  const found = new Candidates();
  for (let i = 0; i < all.count; i++)
    if (all.scores[i]! >= minScore) found.add(all.anchors[i]!, all.classes[i]!, all.scores[i]!);
  return found;
}
