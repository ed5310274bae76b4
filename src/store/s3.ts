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
/** A connection without data for so long counts as dead. */
const IDLE_MS = 60_000;
/** Waits before further attempts, so that a short failure does not end a training. */
const RETRY_MS = [200, 1_000, 3_000];

export const s3 = (url: string, access: S3Settings): StoreDriver => new S3Bucket(url, access);

/** Objects in an S3 bucket: MinIO, or any server that speaks its protocol. */
class S3Bucket implements StoreDriver {
  readonly #client: Client;
  readonly #bucket: string;
  /** The part of object names before the keys, without a slash at the end. */
  readonly #prefix: string;
  readonly #region: string | undefined;
  #bucketMade: Promise<void> | undefined;

  constructor(
    readonly url: string,
    access: S3Settings,
  ) {
    const { host, pathname } = new URL(url);
    if (!BUCKET.test(host)) throw errors.storeUrlInvalid(url);
    this.#bucket = host;
    this.#prefix = decodeURIComponent(pathname).replace(/^\/|\/$/g, '');
    this.#region = access.region ?? undefined;
    this.#client = connect(url, access);
  }

  isRefusal(error: unknown): boolean {
    return isRefusal(error);
  }

  putFile(key: string, path: string): Promise<void> {
    const upload = { bucket: this.#bucket, name: this.#nameOf(key), path };
    return this.#put(() => uploadFile(this.#client, upload));
  }

  putBytes(key: string, bytes: Uint8Array): Promise<void> {
    return this.#putObject(key, bytes, {});
  }

  async putBytesOnce(key: string, bytes: Uint8Array): Promise<boolean> {
    try {
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
      await this.#putObject(key, bytes, { 'If-None-Match': '*' });
    } catch (error) {
      if (EXISTS.has(codeOf(error))) return false;
      if (!UNCONDITIONAL.has(codeOf(error))) throw error;
      // Servers without conditional writes: the last writer wins, and its object is as whole.
      await this.putBytes(key, bytes);
    }
    return true;
  }

  read(key: string): Promise<Readable | undefined> {
    return undefinedIfAbsent<Readable>(() => this.#client.getObject(this.#bucket, this.#nameOf(key)));
  }

  async list(folder: string): Promise<StoredObject[]> {
    const below = this.#nameOf(folder);
    const objects = await undefinedIfAbsent(() =>
      listObjects(this.#client, this.#bucket, below && `${below}/`),
    );
    return (objects ?? []).map(({ key: name, ...facts }) => ({ key: this.#keyOf(name), ...facts }));
  }

  async remove(keys: readonly string[]): Promise<void> {
    const names = keys.map(key => this.#nameOf(key));
    const failures = await tryAgain(() => this.#client.removeObjects(this.#bucket, names));
    if (failures.length > 0) throw new Error(`cannot remove: ${JSON.stringify(failures[0])}`);
  }

  sweep(before: number): Promise<void> {
    const prefix = this.#prefix && `${this.#prefix}/`;
    return abortUploads(this.#client, { bucket: this.#bucket, prefix, before });
  }

  localPath(): null {
    return null;
  }

  #nameOf(key: string): string {
    return [this.#prefix, key].filter(Boolean).join('/');
  }

  #keyOf(name: string): string {
    return this.#prefix ? name.slice(this.#prefix.length + 1) : name;
  }

  #putObject(key: string, bytes: Uint8Array, headers: Record<string, string>): Promise<void> {
    const content = Buffer.from(bytes);
    return this.#put(() =>
      this.#client.putObject(this.#bucket, this.#nameOf(key), content, content.length, headers),
    );
  }

  async #put(work: () => Promise<unknown>): Promise<void> {
    await tryAgain(() => this.#makeBucket());
    await tryAgain(work);
  }

  /** Makes the bucket before the first write; asks again where that has failed. */
  #makeBucket(): Promise<void> {
    this.#bucketMade ??= ensureBucket(this.#client, this.#bucket, this.#region).catch((error: unknown) => {
      this.#bucketMade = undefined;
      throw error;
    });
    return this.#bucketMade;
  }
}

const ABSENT = new Set(['NoSuchKey', 'NoSuchBucket', 'NotFound']);
const EXISTS = new Set(['PreconditionFailed', 'ConditionalRequestConflict']);
const UNCONDITIONAL = new Set(['NotImplemented', 'MethodNotAllowed']);
/** Answers of the server that may change at another attempt; all others are final. */
const TRANSIENT = new Set([
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'XMinioServerNotInitialized',
  'XMinioStorageFull',
]);

/** The code of an S3 error, or the operating system's. */
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

const undefinedIfAbsent = <T>(work: () => Promise<T>): Promise<T | undefined> =>
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
    // The client's own retries write to the console.
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
