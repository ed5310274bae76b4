import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { AppError, errors, messageOf } from '../src/errors/index.js';
import type { StageProgress } from '../src/formats/progress.js';
import { stallSeconds } from '../src/trainer/stall.js';
import type { StageContext } from '../src/stages/context.js';

const BEAT_MS = 5_000;

/** Runs a stage as a Temporal activity: the only place where the two meet. */
export async function asActivity<T>(work: (context: StageContext) => Promise<T>): Promise<T> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  // Written below by an earlier attempt.
  const last = context.info.heartbeatDetails as StageProgress | undefined;
  const heart = startHeart(last, progress => context.heartbeat(progress));
  try {
    return await work({ signal, last, onProgress: heart.onProgress });
  } catch (error) {
    heart.beat();
    throw context.cancellationDetails?.workerShutdown ? passedOn(error) : failureOf(error, signal);
  } finally {
    heart.stop();
  }
}

/** Beats with each progress, and repeats it while it is fresh: a stage that hangs must not look alive. */
function startHeart(
  last: StageProgress | undefined,
  send: (progress: StageProgress) => void,
): { onProgress: (progress: StageProgress) => void; beat: () => void; stop: () => void } {
  let now: StageProgress = { ...(last && lasting(last)), phase: 'start', step: 0, totalSteps: 0 };
  let at = Date.now();
  const beat = (): void => send(now);
  const timer = setInterval(() => {
    if (Date.now() - at < stallSeconds(now.phase) * 1000) beat();
  }, BEAT_MS);
  beat();
  return {
    onProgress: progress => {
      // A later heartbeat replaces an earlier one: some things must outlive the next step.
      now = { ...lasting(now), ...progress };
      at = Date.now();
      beat();
    },
    beat,
    stop: () => clearInterval(timer),
  };
}

const lasting = ({ note, checkpoint, begun }: StageProgress): Partial<StageProgress> => ({
  ...(note !== undefined && { note }),
  ...(checkpoint && { checkpoint }),
  ...(begun && { begun }),
});

/** A worker that ends is no failure of the stage: the next one goes on at once, however often it happened. */
const passedOn = (cause: unknown): ApplicationFailure =>
  ApplicationFailure.create({
    message: `its worker ended: ${messageOf(cause)}`,
    type: 'WORKER_ENDED',
    category: 'BENIGN',
    nextRetryDelay: '1s',
  });

/** Cancellation is passed on as Temporal's own; errors of the catalogue keep their code, facts and whether to retry. */
function failureOf(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted)
    return signal.reason instanceof CancelledFailure ? signal.reason : new CancelledFailure('CANCELLED');
  const known = error instanceof AppError ? error : errors.unexpected(error);
  return ApplicationFailure.create({
    message: known.message,
    type: known.code,
    nonRetryable: !known.retryable,
    details: [known.toJSON()],
    cause: known,
  });
}
