import { WorkflowFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { AppError, type ErrorFacts, errors } from '../errors/index.js';

/** Unwraps the error of the catalogue that ended a run from Temporal's failures. */
export function endingError(error: unknown): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure) return knownError(cause);
    if (cause instanceof ActivityFailure && cause.cause instanceof TimeoutFailure)
      return errors.stageTimedOut({ stage: cause.activityId ?? '', reason: reasonOf(cause.cause) });
    if (cause instanceof CancelledFailure || cause instanceof TerminatedFailure) return errors.runCancelled();
  }
  return error;
}

/** The activities put the facts of an error beside its message; the activity around it names the stage. */
function knownError(failure: ApplicationFailure): AppError {
  const [known] = (failure.details ?? []) as Partial<ErrorFacts>[];
  if (known?.code === undefined) return errors.unexpected(failure);
  const { cause } = failure;
  const stage = cause instanceof ActivityFailure ? cause.activityId : undefined;
  const facts = { ...known.facts, ...(stage !== undefined && { stage }) };
  // Written by the activity, from an error of the catalogue.
  return AppError.from({ ...(known as ErrorFacts), facts }, failure);
}

const reasonOf = ({ message, timeoutType }: TimeoutFailure): string =>
  timeoutType === 'HEARTBEAT' ? 'its worker was lost, again and again' : message;
