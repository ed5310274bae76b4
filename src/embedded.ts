import type { Embedded } from '../workers/embedded.js';
import type { RunningWorker, WorkerKind } from '../workers/workers.js';
import type { OnProgress } from './native/progress.js';
import type { Settings } from './settings.js';

// The only door from src/ to the Temporal processes at the root. Temporal's native library is loaded when it is used.

/** Starts Temporal's server and workers of both queues on this machine, or joins those of another process. */
export const startEmbedded = async (settings: Settings, onProgress?: OnProgress): Promise<Embedded> =>
  (await import('../workers/embedded.js')).startEmbedded(settings, onProgress);

/** Starts one worker for a server that runs elsewhere. */
export const startWorker = async (
  kind: WorkerKind,
  options: { settings: Settings; address: string },
): Promise<RunningWorker> => (await import('../workers/workers.js')).startWorker(kind, options);
