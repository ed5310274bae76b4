import { AppError, errors } from '../errors/index.js';
import type { StageProgress } from '../formats/progress.js';
import type { StageContext } from './context.js';

const MAX_ATTEMPTS = 3;

/** Ways to end that another attempt would repeat; a lost connection or a worker's shutdown is not the trainer's doing. */
const OWN_FAULTS = ['TRAINER_CRASHED', 'TRAINER_HUNG'];

/**
 * Attempts that begin where the last one began get nowhere: after three the stage fails with that reason. Counted when
 * they begin, since a worker that dies with its trainer says nothing at the end.
 */
export async function guardingProgress<T>(
  { last, onProgress }: Pick<StageContext, 'last' | 'onProgress'>,
  work: () => Promise<T>,
): Promise<T> {
  const step = last?.checkpoint?.step ?? 0;
  const before = last?.begun?.step === step ? last.begun.attempts : 0;
  if (before >= MAX_ATTEMPTS) throw errors.noProgress(step);
  const say = (attempts: number): void =>
    onProgress({ phase: 'start', step, totalSteps: 0, begun: { step, attempts } } satisfies StageProgress);
  say(before + 1);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || !OWN_FAULTS.includes(error.code)) say(before);
    throw error;
  }
}
