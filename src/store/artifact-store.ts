import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { mapConcurrently } from '../concurrency.js';
import { errors } from '../errors.js';
import { canonicalJson, sha256, sha256OfFile } from '../hashing.js';
import type { ArtifactRef } from '../pipeline.js';
import type { StoreDriver } from './driver.js';

const Manifest = z.object({
  key: z.string(),
  files: z.array(z.object({ path: z.string(), bytes: z.number(), sha256: z.string() })),
  created: z.string(),
  facts: z.record(z.string(), z.unknown()),
});
/** Written last: an artifact without it is not there. */
export type Manifest = z.infer<typeof Manifest>;

export interface Found {
  readonly ref: ArtifactRef;
  readonly manifest: Manifest;
}

export interface CommitOptions {
  /** Small values kept in the manifest. */
  readonly facts?: Record<string, unknown>;
  readonly signal?: AbortSignal;
}

export interface ArtifactStore {
  readonly url: string;
  /** The files of a folder become the artifact of a key, visible only when all are there. */
  commit(key: string, folder: string, options?: CommitOptions): Promise<ArtifactRef>;
  /** The artifact of a key: manifest valid, every object there with its size; else undefined. */
  find(key: string): Promise<Found | undefined>;
  /** A local folder with the artifact, to be read only; every hash has been checked. */
  open(ref: ArtifactRef): Promise<string>;
  /** Keys of committed artifacts below a prefix, sorted. */
  list(prefix: string): Promise<string[]>;
  remove(key: string): Promise<void>;
}

const MANIFEST = '_manifest.json';
const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

/** Artifacts over any driver. @param cacheFolder where objects that lie elsewhere are fetched to. */
export function createArtifactStore(driver: StoreDriver, cacheFolder: string): ArtifactStore {
  const keyOf = ({ uri }: ArtifactRef): string => uri.slice(driver.url.replace(/\/$/, '').length + 1);

  async function find(key: string): Promise<Found | undefined> {
    assertKey(key);
    const manifest = parseManifest(await driver.getBytes(`${key}/${MANIFEST}`));
    if (!manifest) return undefined;
    const sizes = await mapConcurrently(manifest.files, ({ path }) => driver.size(`${key}/${path}`));
    if (manifest.files.some(({ bytes }, i) => sizes[i] !== bytes)) return undefined;
    return { ref: refOf(driver.url, manifest), manifest };
  }

  async function commit(
    key: string,
    folder: string,
    { facts = {}, signal }: CommitOptions = {},
  ): Promise<ArtifactRef> {
    assertKey(key);
    const files = await describeFolder(folder);
    const manifest: Manifest = { key, files, created: new Date().toISOString(), facts };
    const ref = refOf(driver.url, manifest);
    const existing = await find(key);
    if (existing?.ref.sha256 === ref.sha256) return existing.ref;
    // Gone before its objects change: nobody reads a mixture.
    if (existing) await driver.remove(`${key}/${MANIFEST}`);
    await mapConcurrently(files, async ({ path }) => {
      signal?.throwIfAborted();
      await driver.putFile(`${key}/${path}`, join(folder, ...path.split('/')));
    });
    await driver.putBytes(
      `${key}/${MANIFEST}`,
      new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`),
    );
    return ref;
  }

  async function open(ref: ArtifactRef): Promise<string> {
    const key = keyOf(ref);
    const found = await find(key);
    if (!found || found.ref.sha256 !== ref.sha256) throw errors.artifactMissing(ref.uri, ref.sha256);
    const local = driver.localPath(key);
    const { files } = found.manifest;
    if (local !== null) {
      await verify(files, local, ref.uri);
      return local;
    }
    const target = join(cacheFolder, 'artifacts', ref.sha256);
    if (!(await stat(target).catch(() => null))) await fetchInto(target, { key, ref, files });
    return target;
  }

  async function fetchInto(
    target: string,
    { key, ref, files }: { key: string; ref: ArtifactRef; files: Manifest['files'] },
  ): Promise<void> {
    const partial = `${target}.partial-${process.pid}`;
    try {
      await mapConcurrently(files, async ({ path }) => {
        const file = join(partial, ...path.split('/'));
        await mkdir(dirname(file), { recursive: true });
        await driver.getFile(`${key}/${path}`, file);
      });
      await verify(files, partial, ref.uri);
      // Another process may have been faster; its copy is as good.
      await rename(partial, target).catch(async error => {
        if (!(await stat(target).catch(() => null))) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  return {
    url: driver.url,
    commit,
    find,
    open,
    list: async prefix => {
      const ending = `/${MANIFEST}`;
      const keys = await driver.list(prefix);
      return keys.filter(key => key.endsWith(ending)).map(key => key.slice(0, -ending.length));
    },
    remove: async key => {
      assertKey(key);
      await driver.remove(`${key}/${MANIFEST}`);
      for (const object of await driver.list(key)) await driver.remove(object);
    },
  };
}

function assertKey(key: string): void {
  if (!KEY.test(key)) throw errors.storeKeyInvalid(key);
}

function parseManifest(bytes: Uint8Array | undefined): Manifest | undefined {
  if (!bytes) return undefined;
  try {
    return Manifest.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // A manifest that cannot be read is as good as none: the artifact is made again.
    return undefined;
  }
}

/** The hash covers content alone, so equal content has an equal reference whenever it was made. */
const refOf = (url: string, { key, files }: Manifest): ArtifactRef => ({
  uri: `${url.replace(/\/$/, '')}/${key}`,
  sha256: sha256(canonicalJson(files)),
  bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
});

async function describeFolder(folder: string): Promise<Manifest['files']> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
  return mapConcurrently(paths, async path => ({
    path: relative(folder, path).split(sep).join('/'),
    bytes: (await stat(path)).size,
    sha256: await sha256OfFile(path),
  }));
}

async function verify(files: Manifest['files'], folder: string, uri: string): Promise<void> {
  await mapConcurrently(files, async ({ path, sha256: expected }) => {
    const found = await sha256OfFile(join(folder, ...path.split('/')));
    if (found !== expected) throw errors.artifactDamaged({ file: `${uri}/${path}`, expected, found });
  });
}
