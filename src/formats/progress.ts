import type { ArtifactRef } from './artifact.js';

/** The progress of a running stage; sent with Temporal's heartbeats. */
export interface StageProgress {
  /** The kind of work: start, restore, train, validate, checkpoint, predict, … */
  readonly phase: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly losses?: Readonly<Record<string, number>>;
  readonly learningRate?: number;
  readonly itemsPerSecond?: number;
  readonly secondsLeft?: number;
  readonly best?: { readonly AP: number; readonly step: number };
  readonly checkpoint?: { readonly step: number; readonly artifact: ArtifactRef };
  /** The step at which this attempt began, and how many in a row have begun there. */
  readonly begun?: { readonly step: number; readonly attempts: number };
  /** One line for people about an event, such as adopted weights or a roll-back. */
  readonly note?: string;
}

/** Progress with throughput and time left of work that began at `started` (milliseconds since 1970). */
export function throughputOf(
  started: number,
  { step, totalSteps }: Pick<StageProgress, 'step' | 'totalSteps'>,
): Omit<StageProgress, 'phase'> {
  const perItem = (Date.now() - started) / 1000 / step;
  return {
    step,
    totalSteps,
    ...(perItem > 0 && { itemsPerSecond: 1 / perItem, secondsLeft: perItem * (totalSteps - step) }),
  };
}
