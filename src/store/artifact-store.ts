import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { mapConcurrently } from '../concurrency.js';
import { AppError, errors } from '../errors/index.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { StoreDriver } from './driver.js';
import { AT_A_TIME, assertUnchanged, readFolderFiles, type SourceFile } from './folder-files.js';
import { encodeManifest, type Manifest, parseManifest, refOf } from './manifest.js';
import { createReader } from './reader.js';

export interface Found {
  readonly ref: ArtifactRef;
  readonly manifest: Manifest;
}

export interface CommitOptions {
  /** Small values kept in the manifest. */
  readonly facts?: Record<string, unknown>;
  readonly signal?: AbortSignal;
  /** Other content takes the place of what the key holds; without it the first commit of a key stays. */
  readonly replace?: boolean;
}

export interface ArtifactStore {
  readonly url: string;
  /** The files of a folder become the artifact of a key, visible only when all are there. Returns what the key holds then. */
  commit(key: string, folder: string, options?: CommitOptions): Promise<ArtifactRef>;
  /** The artifact of a key: manifest valid, every object there with its size; else undefined. */
  find(key: string): Promise<Found | undefined>;
  /** A local folder with the artifact, to be read only; every hash has been checked. */
  open(ref: ArtifactRef): Promise<string>;
  /** Keys of committed artifacts below a folder of keys ("": all), sorted. */
  list(folder: string): Promise<string[]>;
  remove(key: string): Promise<void>;
  /** Removes what commits left behind that died before a time (ms since 1970); returns how many objects. */
  sweep(before: number): Promise<number>;
}

// KEY/_RANDOM/…          the files of one commit; nobody else writes there
// _manifests/KEY.json    names the commit that counts
const MANIFESTS = '_manifests';
const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]*(\/[A-Za-z0-9][A-Za-z0-9_-]*)*$/;
const PLACE = /^(.+?)\/(_[0-9a-f]+)\//;

const manifestOf = (key: string): string => `${MANIFESTS}/${key}.json`;

function assertKey(key: string): void {
  if (!KEY.test(key) || key.length > 500) throw errors.storeKeyInvalid(key);
}

/** Artifacts over any driver. @param cacheFolder where objects that lie elsewhere are fetched to. */
export function createArtifactStore(driver: StoreDriver, cacheFolder: string): ArtifactStore {
  const reader = createReader(driver, cacheFolder);

  async function readManifest(key: string): Promise<Manifest | undefined> {
    assertKey(key);
    const stream = await driver.read(manifestOf(key));
    return stream && parseManifest(await text(stream), key);
  }

  async function find(key: string): Promise<Found | undefined> {
    const manifest = await readManifest(key);
    if (!manifest) return undefined;
    const place = `${key}/${manifest.place}`;
    const sizes = new Map((await driver.list(place)).map(object => [object.key, object.bytes]));
    if (manifest.files.some(({ path, bytes }) => sizes.get(`${place}/${path}`) !== bytes)) return undefined;
    return { ref: refOf(driver.url, manifest), manifest };
  }

  async function commit(key: string, folder: string, options: CommitOptions = {}): Promise<ArtifactRef> {
    assertKey(key);
    const sources = await readFolderFiles(folder);
    const files = sources.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
    const existing = await find(key);
    if (existing && (await stays(existing, files, options))) return existing.ref;
    const place = `_${randomBytes(8).toString('hex')}`;
    const created = new Date().toISOString();
    const manifest = { key, place, files: files as Manifest['files'], created, facts: options.facts ?? {} };
    // What cannot be removed now is swept later: it names no artifact.
    const forget = (unused: string): Promise<void> => removePlace(key, unused).catch(() => undefined);
    await putFiles(`${key}/${place}`, sources, options.signal).catch(async (error: unknown) => {
      await forget(place);
      throw error;
    });
    const winner = await publish(manifest, { isReplacing: existing !== undefined });
    if (winner.place !== place) await forget(place);
    else if (existing) await forget(existing.manifest.place);
    return refOf(driver.url, winner);
  }

  /** Whether a commit of these files leaves the artifact of its key as it is. */
  async function stays(
    { ref, manifest }: Found,
    files: readonly Manifest['files'][number][],
    { replace }: CommitOptions,
  ): Promise<boolean> {
    const isEqual =
      refOf(driver.url, { ...manifest, files: files as Manifest['files'] }).sha256 === ref.sha256;
    return (isEqual || !replace) && (await reader.isIntact(manifest));
  }

  async function putFiles(at: string, files: readonly SourceFile[], signal?: AbortSignal): Promise<void> {
    const put = async (file: SourceFile): Promise<void> => {
      signal?.throwIfAborted();
      await driver.putFile(`${at}/${file.path}`, file.source);
      await assertUnchanged(file);
    };
    await mapConcurrently(files, put, AT_A_TIME);
    signal?.throwIfAborted();
  }

  /** Of several writers the first one's manifest stays, unless what it names is damaged or to be replaced. */
  async function publish(manifest: Manifest, { isReplacing }: { isReplacing: boolean }): Promise<Manifest> {
    const { key } = manifest;
    const bytes = encodeManifest(manifest);
    if (!isReplacing && !(await driver.putBytesOnce(manifestOf(key), bytes))) {
      // It may be this one: the answer to a first try can get lost.
      const winner = await find(key);
      if (winner) return winner.manifest;
    } else if (!isReplacing) return manifest;
    await driver.putBytes(manifestOf(key), bytes);
    return manifest;
  }

  async function removePlace(key: string, place: string): Promise<void> {
    await driver.remove((await driver.list(`${key}/${place}`)).map(object => object.key));
  }

  async function remove(key: string): Promise<void> {
    const manifest = await readManifest(key);
    // First the manifest: nobody finds an artifact that is half gone.
    await driver.remove([manifestOf(key)]);
    if (manifest) await removePlace(key, manifest.place);
  }

  async function list(folder: string): Promise<string[]> {
    if (folder !== '') assertKey(folder);
    const objects = await driver.list([MANIFESTS, folder].filter(Boolean).join('/'));
    return objects.map(({ key }) => key.slice(MANIFESTS.length + 1, -'.json'.length)).sort();
  }

  async function sweep(before: number): Promise<number> {
    await Promise.all([driver.sweep(before), reader.sweep(before)]);
    // Manifests after objects: what was committed meanwhile counts.
    const objects = (await driver.list('')).filter(({ key }) => !key.startsWith(`${MANIFESTS}/`));
    const manifests = await mapConcurrently(await list(''), readManifest, AT_A_TIME);
    const places = new Set(manifests.map(manifest => manifest && `${manifest.key}/${manifest.place}`));
    const abandoned = objects.filter(({ key, modified }) => {
      const [, owner, place] = PLACE.exec(key) ?? [];
      return place !== undefined && modified < before && !places.has(`${owner}/${place}`);
    });
    await driver.remove(abandoned.map(({ key }) => key));
    return abandoned.length;
  }

  const named = <A extends unknown[], R>(work: (...args: A) => Promise<R>) => namingFailures(driver, work);
  return {
    url: driver.url,
    commit: named(commit),
    find: named(find),
    open: named(async (ref: ArtifactRef) => {
      const key = keyOf(ref, driver.url);
      return reader.open(ref, await readManifest(key));
    }),
    list: named(list),
    remove: named(remove),
    sweep: named(sweep),
  };
}

function keyOf({ uri }: ArtifactRef, url: string): string {
  if (!uri.startsWith(`${url}/`)) throw errors.artifactElsewhere(uri, url);
  return uri.slice(url.length + 1);
}

/** Failures of a driver leave as errors of the catalogue, an abort as its own reason. */
function namingFailures<A extends unknown[], R>(
  driver: StoreDriver,
  work: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await work(...args);
    } catch (error) {
      const { signal } = (args.at(2) ?? {}) as CommitOptions;
      if (error instanceof AppError || (signal?.aborted && error === signal.reason)) throw error;
      if (driver.isRefusal(error)) throw errors.storeRefused(driver.url, error);
      throw errors.storeFailed(driver.url, error);
    }
  };
}
