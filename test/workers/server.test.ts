import { Connection } from '@temporalio/client';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readServerNote, writeServerNote } from '../../src/formats/server-note.js';
import { type Server, startServer } from '../../workers/server.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { providedTemporal } from '../temporal.js';
import { freePort } from '../../src/runs/listening.js';

let command: string;
beforeAll(async () => (command = await providedTemporal()));

const homes: string[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

async function newHome(port?: number): Promise<Settings> {
  const home = await mkdtemp(join(tmpdir(), 'detdistill-home-'));
  homes.push(home);
  return readSettings({ DETDISTILL_HOME: home, DETDISTILL_PORT: String(port ?? (await freePort())) });
}

async function listen(port = 0): Promise<TcpServer> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
const portOf = (server: TcpServer): number => (server.address() as { port: number }).port;

async function start(settings: Settings): Promise<Server> {
  const server = await startServer(settings, command);
  onTestFinished(() => server.stop());
  return server;
}

const pidOf = async (settings: Settings): Promise<number> => (await readServerNote(settings))!.pid;

describe('the embedded server', () => {
  it('keeps histories for a season, says nothing, and is gone after stop', async () => {
    const settings = await newHome();
    const server = await start(settings);
    const connection = await Connection.connect({ address: server.address });
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    await connection.close();
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 24 * 3600);
    const pid = await pidOf(settings);
    await server.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await readServerNote(settings)).toBeUndefined();
  });

  it('makes the namespace that the settings name', async () => {
    const settings = { ...(await newHome()), temporalNamespace: 'trees' };
    const { address } = await start(settings);
    const connection = await Connection.connect({ address });
    const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace: 'trees' });
    await connection.close();
    expect(namespaceInfo?.name).toBe('trees');
  });

  it('is joined by others of its home, and stays when they end', async () => {
    const settings = await newHome();
    const [first, second] = await Promise.all([start(settings), start(settings)]);
    expect([first.isJoined, second.isJoined].sort()).toEqual([false, true]);
    expect(second.address).toBe(first.address);
    const joined = first.isJoined ? first : second;
    await joined.stop();
    expect(await readServerNote(settings)).toBeDefined();
  });

  it('is taken over from a process that was killed', async () => {
    const settings = await newHome();
    await start(settings);
    const note = (await readServerNote(settings))!;
    const { pid: owner } = spawnSync(process.execPath, ['-e', '']);
    await writeServerNote(settings, { ...note, owner });
    const heir = await start(settings);
    expect(heir).toMatchObject({ isJoined: false, address: note.address });
    expect(await pidOf(settings)).toBe(note.pid);
    await heir.stop();
    expect(() => process.kill(note.pid, 0)).toThrow('ESRCH');
  });

  it('is not mistaken for whatever has its process id after a crash', async () => {
    const settings = await newHome();
    const address = `127.0.0.1:${settings.temporalPort}`;
    await writeServerNote(settings, { address, ui: '', pid: process.pid, owner: process.pid });
    expect(await start(settings)).toMatchObject({ isJoined: false });
  });

  it('names the port that another program uses', async () => {
    const other = await listen();
    onTestFinished(() => void other.close());
    const port = portOf(other);
    await expect(startServer(await newHome(port), command)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `port ${port} is in use by another program`,
    });
  });

  it('names the server of another home that answers on its port', async () => {
    const settings = await newHome();
    await start(settings);
    const rival = await newHome(settings.temporalPort);
    await expect(startServer(rival, command)).rejects.toMatchObject({ code: 'SERVER_ALREADY_RUNNING' });
  });

  it('puts its pages elsewhere when their port is taken', async () => {
    const settings = await newHome();
    const other = await listen(settings.temporalPort + 1000);
    onTestFinished(() => void other.close());
    const { ui } = await start(settings);
    expect(ui).not.toContain(String(settings.temporalPort + 1000));
    expect((await fetch(ui)).ok).toBe(true);
  });

  it('that does not start is reported with its last words', async () => {
    const settings = await newHome();
    await writeFile(join(settings.home, 'temporal.db'), 'this is no database, nor was it ever one');
    await expect(startServer(settings, command)).rejects.toMatchObject({
      code: 'SERVER_FAILED',
      message: expect.stringContaining('file is not a database') as string,
    });
    expect(await readFile(join(settings.home, 'temporal.db'), 'utf8')).toContain('no database');
  });
});
