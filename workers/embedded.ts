import { isRunning } from '../src/files/process.js';
import { provideNativeParts } from '../src/native/setup.js';
import type { OnProgress } from '../src/native/progress.js';
import type { Settings } from '../src/settings.js';
import { readServerNote } from '../src/formats/server-note.js';
import { type Server, startServer } from './server.js';
import { type RunningWorker, startWorker } from './workers.js';

export interface Embedded {
  readonly address: string;
  /** Temporal's own pages; null: the server is a cluster's, and says for itself. */
  readonly ui: string | null;
  /** Workers first, so that they can save; the server last. */
  stop(): Promise<void>;
}

const LOOK_MS = 1_000;

/**
 * Temporal's server and workers of both queues in one process tree; a cluster that the settings name gets the workers
 * only. Another process of this home that has them already is joined, and inherited from when it ends.
 */
export async function startEmbedded(settings: Settings, onProgress?: OnProgress): Promise<Embedded> {
  const parts = await provideNativeParts({ settings, parts: ['tfjs-addon', 'temporal'], onProgress });
  const { temporalAddress: address } = settings;
  if (address !== null) {
    const workers = await startWorkers(settings, address);
    return { address, ui: null, stop: () => stopWorkers(workers) };
  }
  const start = (): Promise<Held> => hold(settings, parts.temporal);
  const first = await start();
  const { address: own, ui } = first.server;
  const heir = first.server.isJoined ? inheritLater(settings, { start, first }) : undefined;
  return { address: own, ui, stop: async () => release(heir ? await heir.end() : first) };
}

interface Held {
  readonly server: Server;
  readonly workers: readonly RunningWorker[];
}

async function hold(settings: Settings, command: string): Promise<Held> {
  const server = await startServer(settings, command);
  if (server.isJoined) return { server, workers: [] };
  try {
    return { server, workers: await startWorkers(settings, server.address) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function release({ server, workers }: Held): Promise<void> {
  await stopWorkers(workers);
  await server.stop();
}

/** Starts what a process had that was joined and has ended. `end` gives what is held then. */
function inheritLater(
  settings: Settings,
  { start, first }: { start: () => Promise<Held>; first: Held },
): { end: () => Promise<Held> } {
  let held = first;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const note = await readServerNote(settings);
    if (note && isRunning(note.owner)) return;
    // Where that fails, as while the port is still taken, the next look tries again.
    held = await start().catch(() => held);
  };
  const timer = setInterval(() => {
    if (!held.server.isJoined) clearInterval(timer);
    else looking ??= look().finally(() => (looking = undefined));
  }, LOOK_MS);
  return {
    end: async () => {
      clearInterval(timer);
      await looking;
      return held;
    },
  };
}

async function startWorkers(settings: Settings, address: string): Promise<RunningWorker[]> {
  const starting = (['control', 'gpu'] as const).map(kind => startWorker(kind, { settings, address }));
  const outcomes = await Promise.allSettled(starting);
  const workers = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find(outcome => outcome.status === 'rejected');
  if (!failed) return workers;
  await stopWorkers(workers);
  throw failed.reason;
}

async function stopWorkers(workers: readonly RunningWorker[]): Promise<void> {
  // A worker that did not end in time is ended with this process.
  await Promise.allSettled(workers.map(worker => worker.stop()));
}
