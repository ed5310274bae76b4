import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { AppError, errors, messageOf } from '../src/errors/index.js';
import type { StageProgress } from '../src/formats/progress.js';
import type { StageContext } from '../src/stages/context.js';
import { stallSeconds } from '../src/trainer/stall.js';

const HEARTBEAT_MS = 5_000;

/** Runs a stage as a Temporal activity: the only place where the two meet. */
export async function asActivity<T>(work: (context: StageContext) => Promise<T>): Promise<T> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  // Written below by an earlier attempt.
  const last = context.info.heartbeatDetails as StageProgress | undefined;
  const heartbeat = startHeartbeat(last, progress => context.heartbeat(progress));
  try {
    return await work({ signal, last, onProgress: heartbeat.onProgress });
  } catch (error) {
    heartbeat.send();
    throw context.cancellationDetails?.workerShutdown
      ? workerShutdownFailure(error)
      : failureOf(error, signal);
  } finally {
    heartbeat.stop();
  }
}

interface Heartbeat {
  readonly onProgress: (progress: StageProgress) => void;
  /** Sends the newest progress once more. */
  readonly send: () => void;
  readonly stop: () => void;
}

/** Sends a heartbeat with each progress, and repeats it while it is fresh: a stage that hangs must not look alive. */
function startHeartbeat(
  last: StageProgress | undefined,
  record: (progress: StageProgress) => void,
): Heartbeat {
  let newest: StageProgress = { ...(last && stickyFields(last)), phase: 'start', step: 0, totalSteps: 0 };
  let reportedAt = Date.now();
  const send = (): void => record(newest);
  const timer = setInterval(() => {
    if (Date.now() - reportedAt < stallSeconds(newest.phase) * 1000) send();
  }, HEARTBEAT_MS);
  send();
  return {
    onProgress: progress => {
      newest = { ...stickyFields(newest), ...progress };
      reportedAt = Date.now();
      send();
    },
    send,
    stop: () => clearInterval(timer),
  };
}

/** The fields that a later heartbeat repeats: it replaces the one before, and the next attempt reads only the newest. */
const stickyFields = ({ note, checkpoint, begun }: StageProgress): Partial<StageProgress> => ({
  ...(note !== undefined && { note }),
  ...(checkpoint && { checkpoint }),
  ...(begun && { begun }),
});

/** A worker that shuts down is no failure of the stage: the next attempt follows at once, however often it happens. */
const workerShutdownFailure = (cause: unknown): ApplicationFailure =>
  ApplicationFailure.create({
    message: `its worker ended: ${messageOf(cause)}`,
    type: 'WORKER_ENDED',
    category: 'BENIGN',
    nextRetryDelay: '1s',
  });

/** Cancellation is rethrown as Temporal's own; errors of the catalogue keep their code, facts and whether to retry. */
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
