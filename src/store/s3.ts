import { Client } from 'minio';
import { buffer } from 'node:stream/consumers';
import { errors } from '../errors.js';
import type { StoreDriver } from './driver.js';

/** Objects in an S3 bucket: MinIO, or anything that speaks its protocol. */
export function s3(url: string, env: NodeJS.ProcessEnv): StoreDriver {
  const { host: bucket, pathname } = new URL(url);
  const prefix = pathname.replace(/^\/|\/$/g, '');
  const nameOf = (key: string): string => [prefix, key].filter(Boolean).join('/');
  const client = connect(url, env);
  let ready: Promise<void> | undefined;

  async function call<T>(work: () => Promise<T>): Promise<T> {
    try {
      ready ??= ensureBucket(client, bucket, env.AWS_REGION);
      await ready;
      return await work();
    } catch (error) {
      ready = undefined;
      throw errors.storeFailed(url, error);
    }
  }
  const orAbsent = <T>(work: () => Promise<T>): Promise<T | undefined> =>
    call(() =>
      work().catch((error: unknown) => {
        if (ABSENT.has((error as { code?: string }).code ?? '')) return undefined;
        throw error;
      }),
    );

  return {
    url,
    putFile: (key, path) => call(async () => void (await client.fPutObject(bucket, nameOf(key), path))),
    putBytes: (key, bytes) =>
      call(async () => void (await client.putObject(bucket, nameOf(key), Buffer.from(bytes)))),
    getFile: (key, path) => call(() => client.fGetObject(bucket, nameOf(key), path)),
    getBytes: key => orAbsent(async () => buffer(await client.getObject(bucket, nameOf(key)))),
    size: async key => (await orAbsent(() => client.statObject(bucket, nameOf(key))))?.size,
    list: below => call(() => listKeys(client, { bucket, prefix, below: nameOf(below) })),
    remove: key => call(() => client.removeObject(bucket, nameOf(key))),
    localPath: () => null,
  };
}

const ABSENT = new Set(['NoSuchKey', 'NotFound']);

function connect(url: string, env: NodeJS.ProcessEnv): Client {
  const { S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey } = env;
  if (!endpoint || !accessKey || !secretKey) throw errors.storeUnconfigured(url);
  const { hostname, port, protocol } = new URL(endpoint);
  const useSSL = protocol === 'https:';
  return new Client({
    endPoint: hostname,
    port: port ? Number(port) : useSSL ? 443 : 80,
    useSSL,
    accessKey,
    secretKey,
    region: env.AWS_REGION,
  });
}

async function ensureBucket(client: Client, bucket: string, region = 'us-east-1'): Promise<void> {
  if (await client.bucketExists(bucket)) return;
  await client.makeBucket(bucket, region).catch(async (error: unknown) => {
    // Another process may have made it in between.
    if (!(await client.bucketExists(bucket))) throw error;
  });
}

async function listKeys(
  client: Client,
  { bucket, prefix, below }: { bucket: string; prefix: string; below: string },
): Promise<string[]> {
  const keys: string[] = [];
  for await (const item of client.listObjectsV2(bucket, below ? `${below}/` : '', true) as AsyncIterable<{
    name?: string;
  }>)
    if (item.name) keys.push(prefix ? item.name.slice(prefix.length + 1) : item.name);
  return keys.sort();
}
