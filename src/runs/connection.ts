import {
  Client,
  Connection,
  isGrpcServiceError,
  NamespaceNotFoundError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, errors } from '../errors/index.js';
import type { Settings } from '../settings.js';
import { assertListening } from './listening.js';

const CONNECT_MS = 5_000;
const DEADLINE_MS = 10_000;
const PAUSE_MS = 200;

const NOT_FOUND = 5;
/** gRPC's codes for "not now": RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE. */
const PASSING = [8, 10, 14];
/** And where a call was cut off: CANCELLED, DEADLINE_EXCEEDED. */
const CUT_OFF = [1, 4];

export interface ServerConnection {
  readonly client: Client;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
  /** Calls the server about a run: never for long, and failures leave as errors of the catalogue. */
  readonly ask: <T>(id: string, call: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

export async function connectServer(settings: Settings): Promise<ServerConnection> {
  const { temporalAddress, temporalPort, temporalNamespace: namespace } = settings;
  const address = temporalAddress ?? `127.0.0.1:${temporalPort}`;
  // Calls are repeated below: the client's own repetition outlives the connection, and then ends the process.
  const options = { address, connectTimeout: CONNECT_MS, interceptors: [] };
  // Else a port where nobody is would be asked again for seconds.
  const connection = await assertListening(address)
    .then(() => Connection.connect(options))
    .catch((cause: unknown) => {
      throw errors.serverUnreachable(address, cause);
    });
  const closing = new AbortController();

  async function ask<T>(id: string, call: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      try {
        return await connection.withDeadline(deadline, call);
      } catch (error) {
        const code = grpcCodeOf(error);
        const mayPass = code !== undefined && PASSING.includes(code) && Date.now() + PAUSE_MS < deadline;
        if (!mayPass || closing.signal.aborted) throw named(error, { id, address, namespace });
        await sleep(PAUSE_MS);
      }
    }
  }

  return {
    client: new Client({ connection, namespace }),
    closing: closing.signal,
    ask,
    close: async () => {
      closing.abort();
      await connection.close();
    },
  };
}

function named(
  error: unknown,
  { id, address, namespace }: { id: string; address: string; namespace: string },
): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof NamespaceNotFoundError) return errors.namespaceMissing(namespace, address);
  if (error instanceof WorkflowNotFoundError) return errors.runMissing(id);
  const code = grpcCodeOf(error);
  if (code === undefined) return error;
  if (code === NOT_FOUND) return errors.runMissing(id);
  const isAway = PASSING.includes(code) || CUT_OFF.includes(code);
  return isAway ? errors.serverUnreachable(address, error) : errors.serverRefused(address, error);
}

/** The client wraps what the transport says. */
function grpcCodeOf(error: unknown): number | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (isGrpcServiceError(at)) return at.code;
  return undefined;
}
