import { Client, S3Error } from 'minio';
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { errors } from '../errors/index.js';
import type { S3Settings } from '../settings.js';
import type { StoreDriver, StoredObject } from './driver.js';
import { uploadFile } from './s3-upload.js';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** A silent connection is a dead one. */
const IDLE_MS = 60_000;
/** Waits before another try, so that a blip does not cost a training its place. */
const RETRY_MS = [200, 1_000, 3_000];

/** Objects in an S3 bucket: MinIO, or anything that speaks its protocol. */
export function s3(url: string, access: S3Settings): StoreDriver {
  const { host: bucket, pathname } = new URL(url);
  if (!BUCKET.test(bucket)) throw errors.storeUrlInvalid(url);
  const prefix = decodeURIComponent(pathname).replace(/^\/|\/$/g, '');
  const nameOf = (key: string): string => [prefix, key].filter(Boolean).join('/');
  const keyOf = (name: string): string => (prefix ? name.slice(prefix.length + 1) : name);
  const client = connect(url, access);
  let bucketMade: Promise<void> | undefined;

  async function put(work: () => Promise<unknown>): Promise<void> {
    await tryAgain(() => (bucketMade ??= ensureBucket(client, bucket, access.region ?? undefined))).catch(
      (error: unknown) => {
        bucketMade = undefined;
        throw error;
      },
    );
    await tryAgain(work);
  }
  const putBytes = (key: string, bytes: Uint8Array, headers = {}): Promise<void> =>
    put(() => client.putObject(bucket, nameOf(key), Buffer.from(bytes), bytes.byteLength, headers));

  return {
    url,
    isRefusal,
    putFile: (key, path) => put(() => uploadFile(client, { bucket, name: nameOf(key), path })),
    putBytes,
    putBytesOnce: async (key, bytes) => {
      try {
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        await putBytes(key, bytes, { 'If-None-Match': '*' });
      } catch (error) {
        if (EXISTS.has(codeOf(error))) return false;
        // Servers without conditional writes: the last writer wins, and is as whole.
        if (!UNCONDITIONAL.has(codeOf(error))) throw error;
        await putBytes(key, bytes);
      }
      return true;
    },
    read: key => orAbsent<Readable>(() => client.getObject(bucket, nameOf(key))),
    list: async folder => {
      const below = nameOf(folder);
      const items = await orAbsent(() => listObjects(client, bucket, below && `${below}/`));
      return (items ?? []).map(item => ({ ...item, key: keyOf(item.key) }));
    },
    remove: async keys => {
      const failures = await tryAgain(() => client.removeObjects(bucket, keys.map(nameOf)));
      if (failures.length > 0) throw new Error(`cannot remove: ${JSON.stringify(failures[0])}`);
    },
    sweep: before => abortUploads(client, { bucket, prefix: prefix && `${prefix}/`, before }),
    localPath: () => null,
  };
}

const ABSENT = new Set(['NoSuchKey', 'NoSuchBucket', 'NotFound']);
const EXISTS = new Set(['PreconditionFailed', 'ConditionalRequestConflict']);
const UNCONDITIONAL = new Set(['NotImplemented', 'MethodNotAllowed']);
/** What the server answers that another moment may change; every other answer of its is final. */
const TRANSIENT = new Set([
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'XMinioServerNotInitialized',
  'XMinioStorageFull',
]);

/** S3Error declares it, the other errors of a request may carry the system's. */
const codeOf = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? '';
const isRefusal = (error: unknown): boolean => error instanceof S3Error && !TRANSIENT.has(codeOf(error));

async function tryAgain<T>(work: () => Promise<T>): Promise<T> {
  for (const wait of RETRY_MS) {
    try {
      return await work();
    } catch (error) {
      if (isRefusal(error)) throw error;
      await sleep(wait);
    }
  }
  return work();
}

const orAbsent = <T>(work: () => Promise<T>): Promise<T | undefined> =>
  tryAgain(work).catch((error: unknown) => {
    if (ABSENT.has(codeOf(error))) return undefined;
    throw error;
  });

function connect(url: string, access: S3Settings): Client {
  const { endpoint, accessKeyId: accessKey, secretAccessKey: secretKey, sessionToken, region } = access;
  if (endpoint === null || accessKey === null || secretKey === null) throw errors.storeUnconfigured(url);
  if (!/^https?:\/\/[^/]+\/?$/.test(endpoint)) throw errors.storeEndpointInvalid(endpoint);
  const { hostname, port, protocol } = new URL(endpoint);
  const useSSL = protocol === 'https:';
  return new Client({
    endPoint: hostname,
    port: port ? Number(port) : useSSL ? 443 : 80,
    useSSL,
    accessKey,
    secretKey,
    sessionToken: sessionToken ?? undefined,
    region: region ?? undefined,
    transport: { request: withTimeout(useSSL ? https.request : http.request) },
    // Its own way of trying again writes to the console.
    retryOptions: { disableRetry: true },
  });
}

/** The client calls it with options and a callback only. */
const withTimeout = (request: typeof http.request): typeof http.request =>
  ((options: http.RequestOptions, callback?: (answer: http.IncomingMessage) => void) => {
    const sent = request(options, callback);
    return sent.setTimeout(IDLE_MS, () => sent.destroy(new Error(`no answer for ${IDLE_MS / 1000} s`)));
  }) as typeof http.request;

async function ensureBucket(client: Client, bucket: string, region = 'us-east-1'): Promise<void> {
  if (await client.bucketExists(bucket)) return;
  await client.makeBucket(bucket, region).catch(async (error: unknown) => {
    // Another process may have made it in between.
    if (!(await client.bucketExists(bucket))) throw error;
  });
}

/** Rows of the client's listings, whose declared stream type is not iterable. */
interface Listed {
  readonly name?: string;
  readonly size?: number;
  readonly lastModified?: Date;
}

async function listObjects(client: Client, bucket: string, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  const items = client.listObjectsV2(bucket, prefix, true) as AsyncIterable<Listed>;
  for await (const { name, size, lastModified } of items)
    if (name) found.push({ key: name, bytes: Number(size), modified: lastModified?.getTime() ?? Date.now() });
  return found;
}

async function abortUploads(
  client: Client,
  { bucket, prefix, before }: { bucket: string; prefix: string; before: number },
): Promise<void> {
  const uploads = client.listIncompleteUploads(bucket, prefix, true) as AsyncIterable<{
    key: string;
    uploadId: string;
    initiated: Date;
  }>;
  for await (const { key, uploadId, initiated } of uploads)
    if (new Date(initiated).getTime() < before) await client.abortMultipartUpload(bucket, key, uploadId);
}
