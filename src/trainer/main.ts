import { AppError, errors } from '../errors/index.js';
import type { TrainerReply, TrainerRequest } from './protocol.js';
import { runJob } from './jobs.js';

/** The entry of the TensorFlow process: it does one job, reports its progress, and exits with its parent. */
const controller = new AbortController();
const reply = (message: TrainerReply): Promise<void> =>
  new Promise(resolve => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });

process.on('disconnect', () => process.exit(1));
// Ctrl-C and a service manager's stop signal reach the whole process group; only the parent decides when to stop.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
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
    const known = error instanceof AppError ? error : errors.unexpected(error);
    await reply({ type: 'failed', error: known.toJSON() });
    process.exit(1);
  }
}
