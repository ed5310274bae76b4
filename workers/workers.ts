import { NativeConnection, Worker } from '@temporalio/worker';
import { hostname } from 'node:os';
import { createControlActivities, createGpuActivities } from '../activities/index.js';
import type { Dependencies } from '../activities/dependencies.js';
import { compiledModule } from '../src/compiled.js';
import { errors } from '../src/errors.js';
import { QUEUES } from '../src/pipeline.js';
import type { Settings } from '../src/settings.js';
import { openStore } from '../src/store/open-store.js';
import { installRuntime } from './runtime.js';

export type WorkerKind = 'control' | 'gpu';

export interface RunningWorker {
  /** Lets activities save and end, then stops. */
  stop(): Promise<void>;
  /** Settles when the worker has ended, by itself or by `stop`. */
  readonly ended: Promise<void>;
}

/** A stage that is asked to stop has this long to save a checkpoint. */
const GRACE = '90s';

export async function startWorker(
  kind: WorkerKind,
  { settings, address }: { settings: Settings; address: string },
): Promise<RunningWorker> {
  installRuntime(settings);
  const connection = await NativeConnection.connect({ address }).catch((cause: unknown) => {
    throw errors.serverUnreachable(address, cause);
  });
  const dependencies: Dependencies = { settings, store: openStore(settings) };
  const shared = {
    connection,
    namespace: settings.temporalNamespace,
    taskQueue: QUEUES[kind],
    identity: `${hostname()}/${kind}/${process.pid}`,
  };
  const worker = await Worker.create({
    ...shared,
    maxHeartbeatThrottleInterval: '2s',
    defaultHeartbeatThrottleInterval: '2s',
    shutdownForceTime: GRACE,
    ...(kind === 'control'
      ? {
          workflowsPath: compiledModule('../workflows/index.js', import.meta.url).pathname,
          activities: createControlActivities(dependencies),
          maxConcurrentActivityTaskExecutions: 4,
        }
      : { activities: createGpuActivities(dependencies), maxConcurrentActivityTaskExecutions: 1 }),
  });
  const ended = worker.run().finally(() => connection.close());
  // Reported by whoever awaits it; a worker that fails before that must not end the process unexplained.
  ended.catch(() => undefined);
  return {
    ended,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  };
}
