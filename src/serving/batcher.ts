import type { Detection, DetectorInput } from '../inference/engine.js';

type DetectBatch = (images: readonly DetectorInput[]) => Promise<Detection[][]>;

export interface BatchLimits {
  /** The largest number of images in a batch. */
  readonly maxBatch: number;
  /** How long an image waits for others while the model is idle. */
  readonly timeoutMs: number;
}

interface QueuedImage {
  readonly image: DetectorInput;
  readonly signal: AbortSignal;
  readonly since: number;
  readonly resolve: (detections: Detection[]) => void;
  readonly reject: (error: unknown) => void;
  readonly leave: () => void;
}

/**
 * Batches images of the same size from different requests. The first image in the queue determines the size; images of
 * other sizes keep their places. Runs one batch at a time; images that arrive meanwhile gather in the queue.
 */
export class Batcher {
  readonly #queue: QueuedImage[] = [];
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly detect: DetectBatch,
    private readonly limits: BatchLimits,
  ) {}

  get length(): number {
    return this.#queue.length;
  }

  /** @param signal removes the image from the queue; a running batch is not interrupted */
  add(image: DetectorInput, signal: AbortSignal): Promise<Detection[]> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#queue.indexOf(queued);
        if (at >= 0) this.#queue.splice(at, 1);
        reject(signal.reason as Error);
      };
      const queued: QueuedImage = { image, signal, since: Date.now(), resolve, reject, leave };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.push(queued);
      // Deferred, as the other images of the request arrive in the same tick.
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    clearTimeout(this.#timer);
    const [first] = this.#queue;
    if (this.#isBusy || !first) return;
    const batch = this.#queue.filter(other => isSameSize(other, first)).slice(0, this.limits.maxBatch);
    const left = first.since + this.limits.timeoutMs - Date.now();
    // Images of other sizes in the queue would only wait longer.
    const mayGrow = batch.length < this.limits.maxBatch && batch.length === this.#queue.length;
    if (mayGrow && left > 0) this.#timer = setTimeout(() => this.#next(), left);
    else void this.#run(batch);
  }

  async #run(batch: readonly QueuedImage[]): Promise<void> {
    this.#isBusy = true;
    for (const queued of batch) this.#queue.splice(this.#queue.indexOf(queued), 1);
    try {
      const detections = await this.detect(batch.map(({ image }) => image));
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

const isSameSize = ({ image: a }: QueuedImage, { image: b }: QueuedImage): boolean =>
  a.width === b.width && a.height === b.height;
