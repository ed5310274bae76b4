import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { mapConcurrently } from '../concurrency.js';
import { AppError, errors } from '../errors/index.js';
import { sha256OfFile } from '../files/hashing.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { StoreDriver } from './driver.js';
import { AT_A_TIME, type FileEntry } from './folder-files.js';
import { type Manifest, refOf } from './manifest.js';

export interface Reader {
  open(ref: ArtifactRef, manifest: Manifest | undefined): Promise<string>;
  /** Whether every object has its hash. */
  isIntact(manifest: Manifest): Promise<boolean>;
  sweep(before: number): Promise<void>;
}

const PARTIAL = '.partial-';

/** Reads artifacts and believes nothing: each byte is hashed on the way. */
export function createReader(driver: StoreDriver, cacheFolder: string): Reader {
  const fetched = join(cacheFolder, 'artifacts');

  async function open(ref: ArtifactRef, manifest: Manifest | undefined): Promise<string> {
    if (!manifest || refOf(driver.url, manifest).sha256 !== ref.sha256)
      throw errors.artifactMissing(ref.uri, ref.sha256);
    const local = driver.localPath(`${manifest.key}/${manifest.place}`);
    if (local !== null) {
      await verifyFolder(manifest.files, local, ref.uri);
      return local;
    }
    const target = join(fetched, ref.sha256);
    if (!(await isThere(target)) || !(await isWhole(manifest.files, target)))
      await fetchInto(target, manifest);
    return target;
  }

  async function fetchInto(target: string, manifest: Manifest): Promise<void> {
    const partial = join(fetched, `${PARTIAL}${randomUUID()}`);
    try {
      await mapConcurrently(
        manifest.files,
        file => fetchFile(file, { manifest, folder: partial }),
        AT_A_TIME,
      );
      // There by now: damaged, or another process's copy; this one is as good.
      await rm(target, { recursive: true, force: true });
      await rename(partial, target).catch(async (error: unknown) => {
        if (!(await isThere(target))) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  async function fetchFile(
    file: FileEntry,
    { manifest: { key, place }, folder }: { manifest: Manifest; folder: string },
  ): Promise<void> {
    const path = join(folder, ...file.path.split('/'));
    await mkdir(dirname(path), { recursive: true });
    const found = await hashWhile(await driver.read(`${key}/${place}/${file.path}`), path);
    assertHash(file, found, `${driver.url}/${key}`);
  }

  return {
    open,
    isIntact: async ({ key, place, files }) => {
      const found = await mapConcurrently(
        files,
        async ({ path }) => hashOf(await driver.read(`${key}/${place}/${path}`)),
        AT_A_TIME,
      );
      return files.every(({ sha256 }, i) => found[i] === sha256);
    },
    sweep: before => sweepPartial(fetched, before),
  };
}

const NOTHING = 'nothing';

function assertHash({ path, sha256: expected }: FileEntry, found: string, uri: string): void {
  if (found !== expected) throw errors.artifactDamaged({ file: `${uri}/${path}`, expected, found });
}

async function verifyFolder(files: readonly FileEntry[], folder: string, uri: string): Promise<void> {
  const verify = async (file: FileEntry): Promise<void> =>
    assertHash(file, await sha256OfFile(join(folder, ...file.path.split('/'))).catch(orNothing), uri);
  await mapConcurrently(files, verify, AT_A_TIME);
}

/** A damaged copy is fetched again, it is no damage of the artifact. */
const isWhole = (files: readonly FileEntry[], folder: string): Promise<boolean> =>
  verifyFolder(files, folder, folder).then(
    () => true,
    (error: unknown) => {
      if (error instanceof AppError) return false;
      throw error;
    },
  );

async function hashOf(stream: Readable | undefined): Promise<string> {
  if (!stream) return NOTHING;
  const hash = createHash('sha256');
  await pipeline(stream, hash);
  return hash.digest('hex');
}

/** Writes a stream to a file and returns its hash. */
async function hashWhile(stream: Readable | undefined, path: string): Promise<string> {
  if (!stream) return NOTHING;
  const hash = createHash('sha256');
  const tee = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(stream, tee, createWriteStream(path));
  return hash.digest('hex');
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: unknown) => orNothing(error) !== NOTHING,
  );

function orNothing(error: unknown): string {
  // Thrown by the file system, which always names a code.
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
  throw error;
}

async function sweepPartial(folder: string, before: number): Promise<void> {
  const names = (await isThere(folder)) ? await readdir(folder) : [];
  for (const name of names.filter(entry => entry.startsWith(PARTIAL))) {
    const path = join(folder, name);
    const facts = await stat(path).catch(orNothing);
    if (typeof facts !== 'string' && facts.mtimeMs < before) await rm(path, { recursive: true, force: true });
  }
}
