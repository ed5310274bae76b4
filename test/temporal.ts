import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import { startServer } from '../workers/server.js';
import { freePort } from '../src/runs/listening.js';

/** The path of Temporal's command. */
export async function providedTemporal(): Promise<string> {
  const { temporal } = await provideNativeParts({ settings: readSettings(), parts: ['temporal'] });
  return temporal;
}

let isQuiet = false;

/** Workers of this process log nothing below errors. */
export function quietWorkers(): void {
  if (isQuiet) return;
  isQuiet = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
  });
}

export interface TestServer {
  readonly address: string;
  readonly client: Client;
  readonly nativeConnection: NativeConnection;
  readonly teardown: () => Promise<void>;
}

/** Starts a real Temporal server on a free port, as the product does: however long a busy machine takes. */
export async function startTemporal(): Promise<TestServer> {
  quietWorkers();
  const home = await mkdtemp(join(tmpdir(), 'detdistill-temporal-'));
  const settings = readSettings({ DETDISTILL_HOME: home, DETDISTILL_PORT: String(await freePort()) });
  const server = await startServer(settings, await providedTemporal());
  const { address } = server;
  const connection = await Connection.connect({ address });
  const nativeConnection = await NativeConnection.connect({ address });
  return {
    address,
    client: new Client({ connection }),
    nativeConnection,
    teardown: async () => {
      await Promise.all([connection.close(), nativeConnection.close()]);
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
