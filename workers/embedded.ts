import { isRunning } from '../src/files/process.js';
import { provideNativeParts } from '../src/native/setup.js';
import type { OnProgress } from '../src/native/progress.js';
import type { Settings } from '../src/settings.js';
import { readServerNote } from '../src/formats/server-note.js';
import { type Server, startServer } from './server.js';
import { type RunningWorker, startWorker } from './workers.js';

export interface Embedded {
  readonly address: string;
  /** The address of Temporal's web UI; null: the server is a cluster's, which has its own. */
  readonly ui: string | null;
  /** Stops the workers first, so that they can save checkpoints, and the server last. */
  stop(): Promise<void>;
}

const POLL_INTERVAL_MS = 1_000;

/**
 * Starts Temporal's server and the workers of both queues in one process tree; for a cluster that the settings name, the
 * workers only. Where another process of this home runs them already, they are joined, and taken over when it ends.
 */
export async function startEmbedded(settings: Settings, onProgress?: OnProgress): Promise<Embedded> {
  const parts = await provideNativeParts({ settings, parts: ['tfjs-addon', 'temporal'], onProgress });
  const { temporalAddress: address } = settings;
  if (address !== null) {
    const workers = await startWorkers(settings, address);
    return { address, ui: null, stop: () => stopWorkers(workers) };
  }
  const start = (): Promise<Services> => startServices(settings, parts.temporal);
  const first = await start();
  const { address: own, ui } = first.server;
  const successor = first.server.isJoined ? takeOverLater(settings, { start, first }) : undefined;
  return { address: own, ui, stop: async () => stopServices(successor ? await successor.end() : first) };
}

/** A server, and the workers that this process runs: none where the server was joined. */
interface Services {
  readonly server: Server;
  readonly workers: readonly RunningWorker[];
}

async function startServices(settings: Settings, command: string): Promise<Services> {
  const server = await startServer(settings, command);
  if (server.isJoined) return { server, workers: [] };
  try {
    return { server, workers: await startWorkers(settings, server.address) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function stopServices({ server, workers }: Services): Promise<void> {
  await stopWorkers(workers);
  await server.stop();
}

/** Starts server and workers once the process that was joined has ended. `end` returns what runs then. */
function takeOverLater(
  settings: Settings,
  { start, first }: { start: () => Promise<Services>; first: Services },
): { end: () => Promise<Services> } {
  let current = first;
  let polling: Promise<void> | undefined;
  const poll = async (): Promise<void> => {
    const note = await readServerNote(settings);
    if (note && isRunning(note.owner)) return;
    // Where that fails, as while the port is still taken, the next poll tries again.
    current = await start().catch(() => current);
  };
  const timer = setInterval(() => {
    if (!current.server.isJoined) clearInterval(timer);
    else polling ??= poll().finally(() => (polling = undefined));
  }, POLL_INTERVAL_MS);
  return {
    end: async () => {
      clearInterval(timer);
      await polling;
      return current;
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
  // A worker that does not stop in time ends with this process.
  await Promise.allSettled(workers.map(worker => worker.stop()));
}
