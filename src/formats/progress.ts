import type { ArtifactRef } from './artifact.js';

/** What a running stage says of itself; rides on heartbeats. */
export interface StageProgress {
  /** start, restore, train, validate, checkpoint, predict, … */
  readonly phase: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly losses?: Readonly<Record<string, number>>;
  readonly learningRate?: number;
  readonly itemsPerSecond?: number;
  readonly secondsLeft?: number;
  readonly best?: { readonly AP: number; readonly step: number };
  readonly checkpoint?: { readonly step: number; readonly artifact: ArtifactRef };
  /** How many attempts in a row began at this step. */
  readonly begun?: { readonly step: number; readonly attempts: number };
  /** One line for people, where something happened: what was adopted, a roll-back. */
  readonly note?: string;
}

/** How far work is that began at a time (ms since 1970), how fast it goes and how long the rest takes. */
export function paceOf(
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
