import type { StageProgress } from './pipeline.js';

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
