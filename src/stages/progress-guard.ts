import { AppError, errors } from '../errors/index.js';
import type { StageProgress } from '../formats/progress.js';
import type { StageContext } from './context.js';

const MAX_ATTEMPTS = 3;

/** Errors that another attempt would probably repeat; a lost connection or a worker's shutdown is not the trainer's fault. */
const TRAINER_FAULTS = ['TRAINER_CRASHED', 'TRAINER_HUNG'];

/**
 * Fails a stage after three attempts in a row that began at the same step: they make no progress. Attempts are counted when
 * they begin, since a worker that dies with its trainer reports nothing at the end.
 * @throws NO_PROGRESS
 */
export async function guardingProgress<T>(
  { last, onProgress }: Pick<StageContext, 'last' | 'onProgress'>,
  work: () => Promise<T>,
): Promise<T> {
  const step = last?.checkpoint?.step ?? 0;
  const before = last?.begun?.step === step ? last.begun.attempts : 0;
  if (before >= MAX_ATTEMPTS) throw errors.noProgress(step);
  const report = (attempts: number): void =>
    onProgress({ phase: 'start', step, totalSteps: 0, begun: { step, attempts } } satisfies StageProgress);
  report(before + 1);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || !TRAINER_FAULTS.includes(error.code)) report(before);
    throw error;
  }
}
