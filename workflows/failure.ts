import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { StepName } from '../src/stages/stages.js';

/** The error that ended a stage ends the run: code, facts and hint as they were, and the name of the stage. */
export function stageFailure(stage: StepName, error: unknown): unknown {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return error;
  const { message, type, details } = error.cause;
  return ApplicationFailure.create({
    message: `${stage}: ${message}`,
    type: type ?? undefined,
    details: details ?? [],
    nonRetryable: true,
    cause: error,
  });
}
