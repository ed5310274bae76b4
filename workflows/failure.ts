import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';

/** What ended a stage becomes what ends the run: code, facts and hint as they were, the stage in front. */
export function stageFailure(stage: string, error: unknown): unknown {
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
