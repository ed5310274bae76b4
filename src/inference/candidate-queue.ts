import type { Candidates } from './candidates.js';

export interface Candidate {
  /** The anchor's index in the grid. */
  readonly anchor: number;
  readonly classIndex: number;
  readonly score: number;
  /** The number of kept boxes that its score has been compared with. */
  readonly compared: number;
}

/**
 * A binary heap of candidates, the highest score first; of equal scores the lower class, where classes are told apart, then
 * the lower anchor.
 */
export class CandidateQueue {
  readonly #candidates: Candidates;
  /** The distance between classes in the order of equal scores; 0: they are not told apart. */
  readonly #stride: number;
  /** Indices into the lists of candidates. */
  readonly #heap: Int32Array;
  readonly #compared: Int32Array;
  #size: number;
  /** The index of the candidate that was popped last: it may come back. */
  #last = 0;

  constructor(candidates: Candidates, { perClass, anchors }: { perClass: boolean; anchors: number }) {
    this.#candidates = candidates;
    this.#stride = perClass ? anchors : 0;
    this.#size = candidates.count;
    this.#heap = new Int32Array(this.#size); // not by `from`, which makes a list of millions of objects first
    for (let place = 0; place < this.#size; place++) this.#heap[place] = place;
    this.#compared = new Int32Array(this.#size);
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
      compared: this.#compared[place]!,
    };
  }

  /** Takes back the candidate that was popped last, with another score. */
  push({ score, compared }: Candidate): void {
    this.#candidates.scores[this.#last] = score;
    this.#compared[this.#last] = compared;
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
