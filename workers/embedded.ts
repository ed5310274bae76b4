import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { errors } from '../src/errors.js';
import { provideNativeParts } from '../src/native/setup.js';
import type { OnProgress } from '../src/native/progress.js';
import type { Settings } from '../src/settings.js';
import { type RunningWorker, startWorker } from './workers.js';

export interface Embedded {
  readonly address: string;
  /** Temporal's own pages; null: the server was there before and says for itself. */
  readonly ui: string | null;
  /** Workers first, so that they can save; the server last. */
  stop(): Promise<void>;
}

const START_MS = 30_000;
const RETENTION_SECONDS = 90 * 24 * 3600;

/** Temporal's server with a database file, and workers for both queues, in one process tree. A server that is there already is joined. */
export async function startEmbedded(settings: Settings, onProgress?: OnProgress): Promise<Embedded> {
  const parts = await provideNativeParts({ settings, parts: ['tfjs-addon', 'temporal'], onProgress });
  const address = settings.temporalAddress ?? `127.0.0.1:${settings.temporalPort}`;
  const server = settings.temporalAddress ? null : await startServer(settings, parts.temporal);
  const workers: RunningWorker[] = [];
  const stop = async (): Promise<void> => {
    await Promise.allSettled(workers.map(worker => worker.stop()));
    await server?.stop();
  };
  try {
    for (const kind of ['control', 'gpu'] as const)
      workers.push(await startWorker(kind, { settings, address }));
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, ui: server ? `http://127.0.0.1:${settings.temporalPort + 1000}` : null, stop };
}

async function startServer(
  { home, temporalPort: port, temporalNamespace }: Settings,
  command: string,
): Promise<{ stop(): Promise<void> }> {
  if (await isListening(port)) {
    if (await answers(port)) throw errors.serverAlreadyRunning(port);
    throw errors.portInUse(port);
  }
  mkdirSync(join(home, 'logs'), { recursive: true });
  const logFile = join(home, 'logs', 'temporal.log');
  const log = openSync(logFile, 'w');
  const args = [
    'server',
    'start-dev',
    '--db-filename',
    join(home, 'temporal.db'),
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    '--ui-port',
    String(port + 1000),
    '--log-level',
    'error',
  ];
  if (temporalNamespace !== 'default') args.push('--namespace', temporalNamespace);
  // A group of its own: the terminal's Ctrl-C must reach the workers first, the server last.
  const server = spawn(command, args, { stdio: ['ignore', log, log], detached: true });
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()));
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  await waitUntilServing(server, { port, lastWords: () => readFileSync(logFile, 'utf8').trim().slice(-500) });
  await keepHistories(port, temporalNamespace);
  return {
    stop: async () => {
      process.off('exit', kill);
      server.kill('SIGTERM');
      await ended;
    },
  };
}

async function waitUntilServing(
  server: ChildProcess,
  { port, lastWords }: { port: number; lastWords: () => string },
): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await answers(port))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      server.kill('SIGKILL');
      throw errors.serverFailed({ port, lastWords: lastWords() });
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

const isListening = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(true)).once('error', () =>
      resolve(false),
    );
    socket.once('connect', () => socket.destroy());
  });

async function answers(port: number): Promise<boolean> {
  try {
    const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 1000 });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

/** The development server forgets closed runs after a day; ours shall be there for a season. */
async function keepHistories(port: number, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  try {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: { seconds: RETENTION_SECONDS as never } },
    });
  } finally {
    await connection.close();
  }
}
