import { isRunning } from '../files/process.js';
import { errors } from '../errors/index.js';
import type { Runs } from '../runs/runs.js';
import type { Settings } from '../settings.js';
import { readServerNote } from '../formats/server-note.js';
import { watchInterruption } from './interruption.js';
import { showParts } from './progress/parts.js';
import type { Terminal } from './terminal.js';

/** Connects to the server that the settings name, or to the one that a process with this home started. */
export async function withRuns<T>(settings: Settings, work: (runs: Runs) => Promise<T>): Promise<T> {
  const { connectRuns } = await import('../runs/runs.js');
  const temporalAddress = settings.temporalAddress ?? (await readServerNote(settings))?.address ?? null;
  const runs = await connectRuns({ ...settings, temporalAddress });
  try {
    return await work(runs);
  } finally {
    await runs.close();
  }
}

export interface ServerOptions {
  readonly settings: Settings;
  readonly terminal: Terminal;
  /** Tells the user what Ctrl-C does, by whether the server and workers belong to this command. */
  readonly onInterrupt: { readonly own: string; readonly others: string };
}

/** Like `withRuns`. If no server is named, starts one with workers on this machine, or joins that of another process. */
export async function withServer<T>(
  { settings, terminal, onInterrupt }: ServerOptions,
  work: (runs: Runs, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const whose = settings.temporalAddress !== null || (await isServed(settings)) ? 'others' : 'own';
  const { signal, release } = watchInterruption(() => terminal.say(`\n${onInterrupt[whose]}`));
  const follow = (found: Settings): Promise<T> => withRuns(found, runs => work(runs, signal));
  try {
    return await (settings.temporalAddress === null
      ? withEmbedded({ settings, terminal, signal }, follow)
      : follow(settings));
  } finally {
    release();
  }
}

async function withEmbedded<T>(
  { settings, terminal, signal }: { settings: Settings; terminal: Terminal; signal: AbortSignal },
  work: (settings: Settings) => Promise<T>,
): Promise<T> {
  const { startEmbedded } = await import('../embedded.js');
  const { onProgress, end } = await showParts(terminal, 'starting the server and workers …');
  const embedded = await startEmbedded(settings, onProgress).finally(end);
  try {
    if (signal.aborted) throw errors.interrupted();
    return await work({ ...settings, temporalAddress: embedded.address });
  } finally {
    await embedded.stop();
  }
}

/** Whether another process with this home runs a server and workers. */
async function isServed(settings: Settings): Promise<boolean> {
  const note = await readServerNote(settings);
  return note !== null && note !== undefined && isRunning(note.owner);
}
