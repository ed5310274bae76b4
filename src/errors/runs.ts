import { AppError, type Catalogue, messageOf } from './app-error.js';

export const runErrors = {
  serverUnreachable: (address: string, cause: unknown) =>
    new AppError('SERVER_UNREACHABLE', `${address}: no Temporal server responds`, {
      retryable: true,
      cause,
      hint: 'start one with detdistill dev, or set TEMPORAL_ADDRESS',
      facts: { address },
    }),
  serverFailed: (facts: { port: number; outputTail: string }) =>
    new AppError(
      'SERVER_FAILED',
      `the Temporal server did not start on port ${facts.port}: ${facts.outputTail || 'no output'}`,
      {
        hint: 'if the port is in use, set DETDISTILL_PORT to another port',
        facts,
      },
    ),
  serverAlreadyRunning: (port: number) =>
    new AppError('SERVER_ALREADY_RUNNING', `a Temporal server is already running on port ${port}`, {
      hint: `use it with TEMPORAL_ADDRESS=127.0.0.1:${port}, or set DETDISTILL_PORT to another port`,
      facts: { port },
    }),
  portInUse: (port: number) =>
    new AppError('PORT_IN_USE', `port ${port} is in use by another program`, {
      hint: 'set DETDISTILL_PORT to a free port',
      facts: { port },
    }),
  serverRefused: (address: string, cause: unknown) =>
    new AppError('SERVER_REFUSED', `${address}: ${messageOf(cause)}`, { cause, facts: { address } }),
  namespaceMissing: (namespace: string, address: string) =>
    new AppError('NAMESPACE_MISSING', `${address}: namespace ${namespace} not found`, {
      hint: 'create it with: temporal operator namespace create --retention 90d NAMESPACE, or set TEMPORAL_NAMESPACE',
      facts: { namespace, address },
    }),
  stageTimedOut: (facts: { stage: string; reason: string }) =>
    new AppError('STAGE_TIMED_OUT', `${facts.stage}: ${facts.reason}`, {
      hint: 'start the run again: it continues where it stopped; the worker logs show what was slow',
      facts,
    }),
  runDiffers: (id: string) =>
    new AppError('RUN_DIFFERS', `${id}: a run with this name and a different configuration has not ended`, {
      hint: `end it with detdistill cancel ${id}, or choose another name for this run`,
      facts: { id },
    }),
  runMissing: (id: string) =>
    new AppError('RUN_MISSING', `${id}: run not found`, {
      hint: 'detdistill list shows all runs',
      facts: { id },
    }),
  runCancelled: () =>
    new AppError('RUN_CANCELLED', 'the run was cancelled', {
      hint: 'start it again: it continues from its last checkpoint',
    }),
  interrupted: () =>
    new AppError('INTERRUPTED', 'interrupted by the user', {
      hint: 'start it again: it continues where it stopped',
    }),
  /** Errors of the operating system (a full disk, a lost file) may be transient; a programming error is not. */
  unexpected: (error: unknown) =>
    new AppError('UNEXPECTED', messageOf(error), {
      retryable: error instanceof Error && 'syscall' in error,
      cause: error,
      facts: { stack: error instanceof Error ? error.stack : undefined },
    }),
} satisfies Catalogue;
