import { AppError, type Catalogue, messageOf } from './app-error.js';

export const runErrors = {
  serverUnreachable: (address: string, cause: unknown) =>
    new AppError('SERVER_UNREACHABLE', `${address}: no Temporal server answers`, {
      retryable: true,
      cause,
      hint: 'start one with detdistill dev, or set TEMPORAL_ADDRESS',
      facts: { address },
    }),
  serverFailed: (facts: { port: number; lastWords: string }) =>
    new AppError(
      'SERVER_FAILED',
      `Temporal's server did not start on port ${facts.port}: ${facts.lastWords || 'it said nothing'}`,
      {
        hint: 'is the port in use? Set DETDISTILL_PORT to another',
        facts,
      },
    ),
  serverAlreadyRunning: (port: number) =>
    new AppError('SERVER_ALREADY_RUNNING', `a Temporal server answers on port ${port} already`, {
      hint: `use it with TEMPORAL_ADDRESS=127.0.0.1:${port}, or set DETDISTILL_PORT to another port`,
      facts: { port },
    }),
  portInUse: (port: number) =>
    new AppError('PORT_IN_USE', `port ${port} is used by another program`, {
      hint: 'set DETDISTILL_PORT to a free port',
      facts: { port },
    }),
  serverRefused: (address: string, cause: unknown) =>
    new AppError('SERVER_REFUSED', `${address}: ${messageOf(cause)}`, { cause, facts: { address } }),
  namespaceMissing: (namespace: string, address: string) =>
    new AppError('NAMESPACE_MISSING', `${address}: there is no namespace ${namespace}`, {
      hint: 'create it with: temporal operator namespace create --retention 90d NAMESPACE, or set TEMPORAL_NAMESPACE',
      facts: { namespace, address },
    }),
  stageTimedOut: (facts: { stage: string; reason: string }) =>
    new AppError('STAGE_TIMED_OUT', `${facts.stage}: ${facts.reason}`, {
      hint: 'start the run again: it goes on where it was; the logs of the workers show what was slow',
      facts,
    }),
  runDiffers: (id: string) =>
    new AppError('RUN_DIFFERS', `${id}: a run of this name with another configuration has not ended`, {
      hint: `end it with detdistill cancel ${id}, or give this one another name`,
      facts: { id },
    }),
  runMissing: (id: string) =>
    new AppError('RUN_MISSING', `${id}: there is no such run`, {
      hint: 'detdistill list shows the runs',
      facts: { id },
    }),
  runCancelled: () =>
    new AppError('RUN_CANCELLED', 'the run was cancelled', {
      hint: 'start it again: it goes on from its last checkpoint',
    }),
  interrupted: () =>
    new AppError('INTERRUPTED', 'stopped by hand', { hint: 'start it again: it goes on where it was' }),
  /** The system's own errors (a full disk, a lost file) may pass; a mistake of ours repeats itself. */
  unexpected: (error: unknown) =>
    new AppError('UNEXPECTED', messageOf(error), {
      retryable: error instanceof Error && 'syscall' in error,
      cause: error,
      facts: { stack: error instanceof Error ? error.stack : undefined },
    }),
} satisfies Catalogue;
