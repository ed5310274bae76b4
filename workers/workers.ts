import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Dependencies } from '../src/stages/context.js';
import { createControlActivities, createGpuActivities } from '../activities/index.js';
import { removeAbandonedWork } from '../src/stages/work-folder.js';
import { compiledModule } from '../src/package-root.js';
import { errors } from '../src/errors/index.js';
import { QUEUES } from '../src/stages/stages.js';
import type { Settings } from '../src/settings.js';
import { openStore } from '../src/store/open-store.js';
import { runTrainer } from '../src/trainer/process.js';
import { installRuntime } from './runtime.js';

export type WorkerKind = keyof typeof QUEUES;

export interface RunningWorker {
  /** Cancels the activities, which save checkpoints, and stops once they have ended. */
  stop(): Promise<void>;
  /** Settles when the worker has ended, by itself or by `stop`. */
  readonly ended: Promise<void>;
}

/** Activities are cancelled as soon as a worker shuts down; they have this time to save a checkpoint. */
const SHUTDOWN_GRACE = '90s';

/** An upload to the store that began longer ago is abandoned: no commit takes longer. */
const ABANDONED_MS = 3 * 24 * 3600 * 1000;

const OPTIONS: Readonly<Record<WorkerKind, (dependencies: Dependencies) => Partial<WorkerOptions>>> = {
  control: dependencies => ({
    workflowsPath: fileURLToPath(compiledModule('../workflows/index.js', import.meta.url)),
    activities: createControlActivities(dependencies),
    maxConcurrentActivityTaskExecutions: 4,
  }),
  // One at a time: a GPU has room for one trainer. No workflows, so nothing is bundled.
  gpu: dependencies => ({
    activities: createGpuActivities(dependencies),
    maxConcurrentActivityTaskExecutions: 1,
  }),
};

/** Starts a worker of one queue. More of them, here or elsewhere, share its work. */
export async function startWorker(
  kind: WorkerKind,
  { settings, address }: { settings: Settings; address: string },
): Promise<RunningWorker> {
  installRuntime(settings);
  const dependencies = { settings, store: openStore(settings), runJob: runTrainer };
  await removeAbandonedWork(settings);
  if (kind === 'control') void sweepStore(dependencies);
  const connection = await NativeConnection.connect({ address }).catch((cause: unknown) => {
    throw errors.serverUnreachable(address, cause);
  });
  try {
    await assertNamespace(connection, { namespace: settings.temporalNamespace, address });
    const worker = await Worker.create({
      ...OPTIONS[kind](dependencies),
      connection,
      namespace: settings.temporalNamespace,
      taskQueue: QUEUES[kind],
      identity: `${hostname()}/${kind}/${process.pid}`,
      // How often live progress reaches the server.
      maxHeartbeatThrottleInterval: '2s',
      defaultHeartbeatThrottleInterval: '2s',
      shutdownForceTime: SHUTDOWN_GRACE,
    });
    return running(worker, connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Removes the remains of interrupted commits; nobody waits for it. */
async function sweepStore({ store }: Dependencies): Promise<void> {
  try {
    await store.sweep(Date.now() - ABANDONED_MS);
  } catch (error) {
    Runtime.instance().logger.warn('The store was not swept', { error });
  }
}

async function assertNamespace(
  connection: NativeConnection,
  { namespace, address }: { namespace: string; address: string },
): Promise<void> {
  await connection.workflowService.describeNamespace({ namespace }).catch((cause: unknown) => {
    throw /not found/i.test(String(cause))
      ? errors.namespaceMissing(namespace, address)
      : errors.serverRefused(address, cause);
  });
}

function running(worker: Worker, connection: NativeConnection): RunningWorker {
  const ended = runUntilClosed(worker, connection);
  // The error is reported where `ended` is awaited; before that it must not end the process as an unhandled rejection.
  ended.catch(() => undefined);
  return {
    ended,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  };
}

async function runUntilClosed(worker: Worker, connection: NativeConnection): Promise<void> {
  try {
    await worker.run();
  } finally {
    await connection.close();
  }
}
