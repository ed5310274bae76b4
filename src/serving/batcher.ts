import type { Detection, DetectorInput } from '../inference/engine.js';

type Look = (images: readonly DetectorInput[]) => Promise<Detection[][]>;

export interface BatchLimits {
  /** Images at a time. */
  readonly maxBatch: number;
  /** How long an image waits for others while nothing is being looked at. */
  readonly timeoutMs: number;
}

interface Waiting {
  readonly image: DetectorInput;
  readonly signal: AbortSignal;
  readonly since: number;
  readonly resolve: (detections: Detection[]) => void;
  readonly reject: (error: unknown) => void;
  readonly leave: () => void;
}

/**
 * Joins images of one size that come from different requests. The first in the queue decides the size; others keep
 * their places. One batch at a time: what comes meanwhile gathers.
 */
export class Batcher {
  readonly #queue: Waiting[] = [];
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly look: Look,
    private readonly limits: BatchLimits,
  ) {}

  get length(): number {
    return this.#queue.length;
  }

  /** @param signal takes the image out of the queue; what is being looked at is looked at to the end */
  add(image: DetectorInput, signal: AbortSignal): Promise<Detection[]> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#queue.indexOf(waiting);
        if (at >= 0) this.#queue.splice(at, 1);
        reject(signal.reason as Error);
      };
      const waiting: Waiting = { image, signal, since: Date.now(), resolve, reject, leave };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.push(waiting);
      // Not at once: the other images of the request come in the same tick.
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    clearTimeout(this.#timer);
    const [first] = this.#queue;
    if (this.#isBusy || !first) return;
    const batch = this.#queue.filter(other => isSameSize(other, first)).slice(0, this.limits.maxBatch);
    const left = first.since + this.limits.timeoutMs - Date.now();
    // Whatever is waiting behind another size would only wait longer.
    const mayGrow = batch.length < this.limits.maxBatch && batch.length === this.#queue.length;
    if (mayGrow && left > 0) this.#timer = setTimeout(() => this.#next(), left);
    else void this.#work(batch);
  }

  async #work(batch: readonly Waiting[]): Promise<void> {
    this.#isBusy = true;
    for (const waiting of batch) this.#queue.splice(this.#queue.indexOf(waiting), 1);
    try {
      const detections = await this.look(batch.map(({ image }) => image));
      batch.forEach(({ resolve }, i) => resolve(detections[i]!));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      for (const { signal, leave } of batch) signal.removeEventListener('abort', leave);
      this.#isBusy = false;
      this.#next();
    }
  }
}

const isSameSize = ({ image: a }: Waiting, { image: b }: Waiting): boolean =>
  a.width === b.width && a.height === b.height;
