import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { AppError, messageOf } from '../src/errors.js';
import type { StageProgress } from '../src/pipeline.js';

/** What a stage is given of the world. */
export interface StageContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  /** What the attempt before said last. */
  readonly last: StageProgress | undefined;
}

/** Runs a stage as a Temporal activity: the only place where the two meet. */
export async function asActivity<T>(work: (context: StageContext) => Promise<T>): Promise<T> {
  const context = Context.current();
  let last = context.info.heartbeatDetails as StageProgress | undefined;
  try {
    return await work({
      signal: context.cancellationSignal,
      last,
      onProgress: progress => {
        // A later heartbeat replaces an earlier one: notes and checkpoints must outlive the next step.
        last = {
          ...(last?.note !== undefined && { note: last.note }),
          ...(last?.checkpoint && { checkpoint: last.checkpoint }),
          ...progress,
        };
        context.heartbeat(last);
      },
    });
  } catch (error) {
    if (last) context.heartbeat(last);
    throw failureOf(error, context.cancellationSignal);
  }
}

/** Cancellation is passed on as Temporal's own; errors of the catalogue keep their code, facts and whether to retry. */
function failureOf(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted)
    return signal.reason instanceof CancelledFailure ? signal.reason : new CancelledFailure('CANCELLED');
  if (!(error instanceof AppError)) return error instanceof Error ? error : new Error(messageOf(error));
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable,
    details: [error.toJSON()],
    cause: error,
  });
}
