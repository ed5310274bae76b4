import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import { AppError } from '../src/errors/index.js';
import { provideNativeParts } from '../src/native/setup.js';
import { readSettings, type S3Settings } from '../src/settings.js';
import { freePort } from '../src/runs/listening.js';

export interface Minio {
  /** The environment and the settings that name it. */
  readonly env: Readonly<Record<'S3_ENDPOINT' | 'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY', string>>;
  readonly s3: S3Settings;
  readonly client: Client;
  readonly stop: () => Promise<void>;
}

const START_MS = 300_000;

/** A MinIO of one's own on a free loopback port, or why there is none. */
export async function startMinio(): Promise<Minio | { readonly unavailable: string }> {
  try {
    const { minio } = await provideNativeParts({ settings: readSettings(), parts: ['minio'] });
    return await start(minio);
  } catch (error) {
    if (error instanceof AppError) return { unavailable: error.message };
    throw error;
  }
}

async function start(program: string): Promise<Minio> {
  const folder = await mkdtemp(join(tmpdir(), 'detdistill-minio-'));
  const address = `127.0.0.1:${await freePort()}`;
  const [accessKey, secretKey] = ['detdistill', randomBytes(12).toString('hex')];
  const child = spawn(program, ['server', folder, '--quiet', '--address', address], {
    env: {
      ...process.env,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
    stdio: 'ignore',
  });
  const killWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', killWithUs);
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  const endpoint = `http://${address}`;
  await waitUntilLive(endpoint, child).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const env = { S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
  const { hostname, port } = new URL(endpoint);
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey });
  return { env, s3: readSettings(env).s3, client, stop };
}

async function waitUntilLive(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(`${endpoint}/minio/health/live`).catch(() => null);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`MinIO did not come up at ${endpoint}; its exit code: ${child.exitCode}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}
