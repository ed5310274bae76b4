import type { RunConfig } from '../config/run.js';
import { errors } from '../errors.js';
import type { RunResult } from '../pipeline.js';
import type { Runs } from '../runs/runs.js';
import type { Settings } from '../settings.js';
import { watchInterruption } from './interruption.js';
import { showParts } from './progress/parts.js';
import { showRun } from './progress/run.js';
import type { Terminal } from './terminal.js';

const LOOK_MS = 1000;

/** Shows a run until it ends. @throws the error that ended it, or that the watching was interrupted */
export async function followRun(
  runs: Runs,
  id: string,
  { terminal, signal }: { terminal: Terminal; signal: AbortSignal },
): Promise<RunResult> {
  const { show, end } = await showRun(terminal);
  const result = runs.result(id);
  result.catch(() => undefined);
  const interrupted = new Promise<'interrupted'>(resolve =>
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true }),
  );
  try {
    for (;;) {
      const look = new Promise<'look'>(resolve => setTimeout(() => resolve('look'), LOOK_MS));
      const next = await Promise.race([result, interrupted, look]);
      if (next === 'interrupted') throw errors.interrupted();
      show(await runs.view(id));
      if (next !== 'look') return next;
    }
  } finally {
    end();
  }
}

/** Server and workers on this machine where none is named, then `work`, then everything down in order. */
export async function withServer<T>(
  { settings, terminal, onInterrupt }: { settings: Settings; terminal: Terminal; onInterrupt: string },
  work: (runs: Runs, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { connectRuns } = await import('../runs/runs.js');
  const interruption = watchInterruption(() => terminal.say(`\n${onInterrupt}`));
  const parts = await showParts(terminal);
  const { startEmbedded } = await import('../../workers/embedded.js');
  const embedded =
    settings.temporalAddress === null
      ? await startEmbedded(settings, parts.onProgress).finally(parts.end)
      : null;
  try {
    const runs = await connectRuns(settings);
    try {
      return await work(runs, interruption.signal);
    } finally {
      await runs.close();
    }
  } finally {
    await embedded?.stop();
    interruption.release();
  }
}

/** Starts a run and follows it to its end. */
export async function startAndFollow(
  config: RunConfig,
  options: { runs: Runs; signal: AbortSignal; terminal: Terminal },
): Promise<RunResult> {
  const { id, joined } = await options.runs.start(config);
  if (joined) options.terminal.say(`Run ${id} is under way already: resuming it.`);
  return followRun(options.runs, id, options);
}
