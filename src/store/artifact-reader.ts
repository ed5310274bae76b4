import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { mapConcurrently } from '../concurrency.js';
import { AppError, errors } from '../errors/index.js';
import { createAtomically, PARTIAL } from '../files/atomic.js';
import { sha256OfFile, sha256OfStream } from '../files/hashing.js';
import { hasCode } from '../files/system-error.js';
import { subfolder } from '../files/temporary-folder.js';
import { exists, statOf } from '../files/walk.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { StoreDriver } from './driver.js';
import { CONCURRENT_FILES, type FileEntry } from './folder-files.js';
import { type Manifest, objectFolder, refOf } from './manifest.js';

/** Stands for the hash of a file that is missing. */
const NOTHING = 'nothing';

/** Reads artifacts without trust: every byte is hashed on its way. */
export class ArtifactReader {
  readonly #cache: string;

  /** @param cacheFolder gets copies of artifacts that lie on another machine */
  constructor(
    private readonly driver: StoreDriver,
    cacheFolder: string,
  ) {
    this.#cache = join(cacheFolder, 'artifacts');
  }

  /**
   * The folder of the artifact where it lies, or a copy of it in the cache.
   * @throws ARTIFACT_MISSING, ARTIFACT_DAMAGED
   */
  async open(ref: ArtifactRef, manifest: Manifest | undefined): Promise<string> {
    if (!manifest || refOf(this.driver.url, manifest).sha256 !== ref.sha256)
      throw errors.artifactMissing(ref.uri, ref.sha256);
    const { files } = manifest;
    const local = this.driver.localPath(objectFolder(manifest));
    if (local !== null) {
      await verifyFolder(files, local, ref.uri);
      return local;
    }
    const copy = join(this.#cache, ref.sha256);
    await createAtomically(copy, {
      isThere: async () => (await exists(copy)) && isWhole(files, copy),
      make: temporary => this.#fetch(manifest, temporary),
    });
    return copy;
  }

  /** Whether every object has the hash that the manifest names. */
  async isIntact(manifest: Manifest): Promise<boolean> {
    const { files } = manifest;
    const hashes = await mapConcurrently(
      files,
      async file => {
        const object = await this.#read(manifest, file);
        return object ? sha256OfStream(object) : NOTHING;
      },
      CONCURRENT_FILES,
    );
    return files.every(({ sha256 }, i) => hashes[i] === sha256);
  }

  /** Removes from the cache what killed processes left before a time (ms since 1970). */
  async sweep(before: number): Promise<void> {
    const names = (await exists(this.#cache)) ? await readdir(this.#cache) : [];
    for (const name of names.filter(entry => entry.includes(PARTIAL))) {
      const path = join(this.#cache, name);
      const facts = await statOf(path); // null: removed in the meantime
      if (facts && facts.mtimeMs < before) await rm(path, { recursive: true, force: true });
    }
  }

  async #fetch(manifest: Manifest, temporary: string): Promise<string> {
    const folder = await subfolder(temporary, 'artifact');
    const fetchFile = async (file: FileEntry): Promise<void> => {
      const path = pathOf(file, folder);
      await mkdir(dirname(path), { recursive: true });
      const object = await this.#read(manifest, file);
      const found = object ? await writeAndHash(object, path) : NOTHING;
      assertHash(file, found, `${this.driver.url}/${manifest.key}`);
    };
    await mapConcurrently(manifest.files, fetchFile, CONCURRENT_FILES);
    return folder;
  }

  #read(manifest: Manifest, { path }: FileEntry): Promise<Readable | undefined> {
    return this.driver.read(`${objectFolder(manifest)}/${path}`);
  }
}

const pathOf = ({ path }: FileEntry, folder: string): string => join(folder, ...path.split('/'));

function assertHash({ path, sha256: expected }: FileEntry, found: string, uri: string): void {
  if (found !== expected) throw errors.artifactDamaged({ file: `${uri}/${path}`, expected, found });
}

/** @param uri names the artifact in the error */
async function verifyFolder(files: readonly FileEntry[], folder: string, uri: string): Promise<void> {
  const verify = async (file: FileEntry): Promise<void> =>
    assertHash(file, await hashIfThere(pathOf(file, folder)), uri);
  await mapConcurrently(files, verify, CONCURRENT_FILES);
}

const hashIfThere = (path: string): Promise<string> =>
  sha256OfFile(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return NOTHING;
    throw error;
  });

/** Whether a copy in the cache is undamaged; a damaged one is fetched again and does not count against the artifact. */
const isWhole = (files: readonly FileEntry[], folder: string): Promise<boolean> =>
  verifyFolder(files, folder, folder).then(
    () => true,
    (error: unknown) => {
      if (error instanceof AppError) return false;
      throw error;
    },
  );

async function writeAndHash(stream: Readable, path: string): Promise<string> {
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
