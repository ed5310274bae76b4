import { runTrainer } from '../trainer/process.js';
import { errors } from '../errors/index.js';
import { provideNativeParts } from '../native/setup.js';
import type { JobResult, TrainerJob } from '../trainer/protocol.js';
import type { Settings } from '../settings.js';
import { watchInterruption } from './interruption.js';
import { showParts } from './progress/parts.js';
import { showStage } from './progress/stage.js';
import type { Terminal } from './terminal.js';

/** Runs a job in a TensorFlow process, without a pipeline. */
export async function runJob<J extends TrainerJob>(
  job: J,
  { settings, terminal }: { settings: Settings; terminal: Terminal },
): Promise<JobResult<J['kind']>> {
  const parts = await showParts(terminal);
  await provideNativeParts({ settings, parts: ['tfjs-addon'], onProgress: parts.onProgress }).finally(
    parts.end,
  );
  const { signal, release } = watchInterruption(() =>
    terminal.say('\nStopping. Press Ctrl-C again to stop at once.'),
  );
  const { onProgress, end } = await showStage(terminal);
  try {
    return await runTrainer(job, { settings, signal, onProgress });
  } catch (error) {
    throw signal.aborted ? errors.interrupted() : error;
  } finally {
    end();
    release();
  }
}
