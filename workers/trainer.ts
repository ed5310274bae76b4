import { AppError, type ErrorFacts, messageOf } from '../src/errors.js';
import type { TrainerReply, TrainerRequest } from '../activities/trainer-process.js';
import { runJob } from './trainer-jobs.js';

/** The trainer process: does one job, says how far it is, ends with its parent. */
const controller = new AbortController();
const reply = (message: TrainerReply): Promise<void> =>
  new Promise(resolve => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });

process.on('disconnect', () => process.exit(1));
// The terminal's Ctrl-C reaches the whole group; the parent says when to stop.
process.on('SIGINT', () => undefined);
process.on('message', (request: TrainerRequest) => {
  if (request.type === 'stop') controller.abort();
  else void work(request);
});

async function work({ job, settings }: Extract<TrainerRequest, { type: 'start' }>): Promise<void> {
  try {
    const result = await runJob(job, {
      settings,
      signal: controller.signal,
      onProgress: progress => void reply({ type: 'progress', progress }),
    });
    await reply({ type: 'done', result });
    process.exit(0);
  } catch (error) {
    const facts = error instanceof AppError ? error.toJSON() : unexpected(error);
    await reply({ type: 'failed', error: facts });
    process.exit(1);
  }
}

/** The system's own errors (a full disk, a lost file) may pass; a mistake of ours repeats itself. */
const unexpected = (error: unknown): ErrorFacts => ({
  code: 'UNEXPECTED',
  message: error instanceof Error ? (error.stack ?? error.message) : messageOf(error),
  retryable: error instanceof Error && 'syscall' in error,
});
