import { WorkflowFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { AppError, type ErrorFacts, errors } from '../errors/index.js';

/** The error of the catalogue that ended a run, out of Temporal's wrappings. */
export function endingError(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  let stage = '';
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ActivityFailure) stage = cause.activityId ?? '';
    if (cause instanceof ApplicationFailure) return knownError(cause);
    if (cause instanceof TimeoutFailure) return errors.stageTimedOut({ stage, reason: reasonOf(cause) });
    if (cause instanceof CancelledFailure || cause instanceof TerminatedFailure) return errors.runCancelled();
  }
  return error;
}

/** The activities put the facts of an error beside its message. */
function knownError(failure: ApplicationFailure): AppError {
  const [facts] = (failure.details ?? []) as Partial<ErrorFacts>[];
  return facts?.code === undefined ? errors.unexpected(failure) : AppError.from(facts as ErrorFacts, failure);
}

const reasonOf = ({ message, timeoutType }: TimeoutFailure): string =>
  timeoutType === 'HEARTBEAT' ? 'its worker was lost, again and again' : message;
