import { Connection } from '@temporalio/client';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../src/files/process.js';
import { errors } from '../src/errors/index.js';
import { withLock } from '../src/files/lock.js';
import { freePort, isListening } from '../src/runs/listening.js';
import type { Settings } from '../src/settings.js';
import {
  readServerNote,
  removeServerNote,
  type ServerNote,
  writeServerNote,
} from '../src/formats/server-note.js';

export interface Server {
  readonly address: string;
  /** The address of Temporal's web UI. */
  readonly ui: string;
  /** Whether another process started the server, and will stop it. */
  readonly isJoined: boolean;
  /** Stops the server, unless it was joined. */
  stop(): Promise<void>;
}

const START_MS = 120_000;
const STOP_MS = 10_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RETENTION_SECONDS = 90 * 24 * 3600;

/**
 * Starts Temporal's development server with a database file: the embedded form. The first process of a home starts it, the
 * others join it; a server whose process was killed is taken over.
 */
export function startServer(settings: Settings, command: string): Promise<Server> {
  return withLock(join(settings.home, 'server.lock'), async () => {
    const note = await readServerNote(settings);
    if (!note || !(await isServing(note.address))) return start(settings, command);
    if (isRunning(note.owner)) return { ...note, isJoined: true, stop: async () => undefined };
    await writeServerNote(settings, { ...note, owner: process.pid });
    return ownedServer(settings, note);
  });
}

async function start(settings: Settings, command: string): Promise<Server> {
  const { home, temporalPort: port } = settings;
  const address = `127.0.0.1:${port}`;
  if (await isListening(address))
    throw (await isServing(address)) ? errors.serverAlreadyRunning(port) : errors.portInUse(port);
  const uiPort = (await isListening(`127.0.0.1:${port + 1000}`)) ? await freePort() : port + 1000;
  mkdirSync(join(home, 'logs'), { recursive: true });
  const logFile = join(home, 'logs', 'temporal.log');
  const log = openSync(logFile, 'w');
  // A group of its own: the terminal's Ctrl-C must reach the workers first, the server last.
  const server = spawn(command, argumentsOf(settings, uiPort), {
    stdio: ['ignore', log, log],
    detached: true,
  });
  const logTail = (): string => readFileSync(logFile, 'utf8').trim().slice(-500);
  try {
    await waitUntilServing(server, { address, port, logTail });
    await extendRetention(address, settings.temporalNamespace);
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
  server.unref();
  const note = { address, ui: `http://127.0.0.1:${uiPort}`, pid: server.pid!, owner: process.pid };
  await writeServerNote(settings, note);
  return ownedServer(settings, note);
}

function argumentsOf({ home, temporalPort, temporalNamespace }: Settings, uiPort: number): string[] {
  const options = {
    'db-filename': join(home, 'temporal.db'),
    ip: '127.0.0.1',
    port: temporalPort,
    'ui-port': uiPort,
    'log-level': 'error',
    // `default` is always there.
    ...(temporalNamespace !== 'default' && { namespace: temporalNamespace }),
  };
  return [
    'server',
    'start-dev',
    ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]),
  ];
}

function ownedServer(settings: Settings, { address, ui, pid }: Omit<ServerNote, 'owner'>): Server {
  const kill = (): void => signalTo(pid, 'SIGKILL');
  process.once('exit', kill);
  let isStopped = false;
  return {
    address,
    ui,
    isJoined: false,
    stop: async () => {
      // Its process id may be another's by then.
      if (isStopped) return;
      isStopped = true;
      process.off('exit', kill);
      await removeServerNote(settings);
      signalTo(pid, 'SIGTERM');
      for (const deadline = Date.now() + STOP_MS; isRunning(pid); await sleep(50))
        if (Date.now() > deadline) return kill();
    },
  };
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

async function waitUntilServing(
  server: ChildProcess,
  { address, port, logTail }: { address: string; port: number; logTail: () => string },
): Promise<void> {
  let failure: Error | undefined;
  server.once('error', error => (failure = error));
  const deadline = Date.now() + START_MS;
  while (!(await isServing(address))) {
    if (failure || server.exitCode !== null || Date.now() > deadline)
      throw errors.serverFailed({ port, outputTail: failure?.message ?? logTail() });
    await sleep(100);
  }
}

async function isServing(address: string): Promise<boolean> {
  if (!(await isListening(address))) return false;
  try {
    const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

/** The development server deletes the histories of closed runs after a day; people ask for them for months. */
async function extendRetention(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    const seconds = RETENTION_SECONDS as never; // protobuf's 64-bit type, which takes numbers
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: { seconds } },
    });
  } finally {
    await connection.close();
  }
}
