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
const RETRY_INTERVAL_MS = 200;

const NOT_FOUND = 5;
/** gRPC's codes of transient failures: RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE. */
const TRANSIENT = [8, 10, 14];
/** gRPC's codes of calls that were cut off: CANCELLED, DEADLINE_EXCEEDED. */
const CUT_OFF = [1, 4];

export interface ServerConnection {
  readonly client: Client;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
  /** Calls the server about a run. Transient failures are retried until a deadline; others become errors of the catalogue. */
  readonly ask: <T>(id: string, call: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

export async function connectServer(settings: Settings): Promise<ServerConnection> {
  const { temporalAddress, temporalPort, temporalNamespace: namespace } = settings;
  const address = temporalAddress ?? `127.0.0.1:${temporalPort}`;
  // Calls are retried below: the client's own retries outlive the connection, and then end the process.
  const options = { address, connectTimeout: CONNECT_MS, interceptors: [] };
  // Without this check, the client would retry a port where nothing listens for seconds.
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
        const isTransient =
          code !== undefined && TRANSIENT.includes(code) && Date.now() + RETRY_INTERVAL_MS < deadline;
        if (!isTransient || closing.signal.aborted) throw named(error, { id, address, namespace });
        await sleep(RETRY_INTERVAL_MS);
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
  const isAway = TRANSIENT.includes(code) || CUT_OFF.includes(code);
  return isAway ? errors.serverUnreachable(address, error) : errors.serverRefused(address, error);
}

/** The client wraps what the transport says. */
function grpcCodeOf(error: unknown): number | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (isGrpcServiceError(at)) return at.code;
  return undefined;
}
