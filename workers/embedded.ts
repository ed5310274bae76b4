import { provideNativeParts } from '../src/native/setup.js';
import type { OnProgress } from '../src/native/progress.js';
import type { Settings } from '../src/settings.js';
import { type Server, startServer } from './server.js';
import { type RunningWorker, startWorker } from './workers.js';

export interface Embedded {
  readonly address: string;
  /** Temporal's own pages; null: the server is a cluster's, and says for itself. */
  readonly ui: string | null;
  /** Workers first, so that they can save; the server last. */
  stop(): Promise<void>;
}

/**
 * Temporal's server and workers of both queues in one process tree; a cluster that the settings name gets the workers
 * only. Another process of this home that has them already is joined.
 */
export async function startEmbedded(settings: Settings, onProgress?: OnProgress): Promise<Embedded> {
  const parts = await provideNativeParts({ settings, parts: ['tfjs-addon', 'temporal'], onProgress });
  if (settings.temporalAddress !== null) {
    const workers = await startWorkers(settings, settings.temporalAddress);
    return { address: settings.temporalAddress, ui: null, stop: () => stopAll(workers) };
  }
  const server = await startServer(settings, parts.temporal);
  const { address, ui, isJoined } = server;
  if (isJoined) return { address, ui, stop: () => server.stop() };
  const workers = await startWorkers(settings, address).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return { address, ui, stop: () => stopAll(workers, server) };
}

async function startWorkers(settings: Settings, address: string): Promise<RunningWorker[]> {
  const starting = (['control', 'gpu'] as const).map(kind => startWorker(kind, { settings, address }));
  const outcomes = await Promise.allSettled(starting);
  const workers = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find(outcome => outcome.status === 'rejected');
  if (!failed) return workers;
  await stopAll(workers);
  throw failed.reason;
}

async function stopAll(workers: readonly RunningWorker[], server?: Server): Promise<void> {
  // A worker that did not end in time is ended with this process.
  await Promise.allSettled(workers.map(worker => worker.stop()));
  await server?.stop();
}
