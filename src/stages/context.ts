import type { StageProgress } from '../formats/progress.js';

/** What a stage is given of the world. */
export interface StageContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  /** What the attempt before said last. */
  readonly last: StageProgress | undefined;
}
