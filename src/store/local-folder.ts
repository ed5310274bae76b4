import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { mapConcurrently } from '../concurrency.js';
import { errors } from '../errors/index.js';
import { hasCode } from '../files/system-error.js';
import { filesBelow } from '../files/walk.js';
import type { StoreDriver, StoredObject } from './driver.js';

/** Holds files that are being written: on the same file system as the rest, never listed. */
const PARTIAL = '.partial';
/** A neighbour that removes the last object of a folder removes the folder too. */
const MOVE_TRIES = 5;
const REFUSALS = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'EINVAL'];
const ABSENT = ['ENOENT', 'ENOTDIR'];

export const localFolder = (url: string): StoreDriver => new LocalFolder(url);

/** Objects as files of a folder. */
class LocalFolder implements StoreDriver {
  readonly #root: string;

  constructor(readonly url: string) {
    if (new URL(url).host !== '') throw errors.storeUrlInvalid(url);
    this.#root = fileURLToPath(url);
  }

  isRefusal(error: unknown): boolean {
    return hasCode(error, ...REFUSALS);
  }

  putFile(key: string, path: string): Promise<void> {
    return this.#put(key, partial => copyFile(path, partial, constants.COPYFILE_FICLONE));
  }

  putBytes(key: string, bytes: Uint8Array): Promise<void> {
    return this.#put(key, partial => writeFile(partial, bytes));
  }

  async putBytesOnce(key: string, bytes: Uint8Array): Promise<boolean> {
    try {
      // Unlike a rename, a link never replaces.
      await this.#put(key, partial => writeFile(partial, bytes), link);
      return true;
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    }
  }

  async read(key: string): Promise<Readable | undefined> {
    const handle = await open(this.localPath(key)).catch(ignoreAbsent);
    return handle?.createReadStream();
  }

  async list(folder: string): Promise<StoredObject[]> {
    const paths = (await filesBelow(this.localPath(folder)).catch(ignoreAbsent)) ?? [];
    const keys = paths.map(path => relative(this.#root, path).split(sep).join('/'));
    const objects = keys.filter(key => !key.startsWith(`${PARTIAL}/`));
    const found = await mapConcurrently(objects, async key => {
      const facts = await stat(this.localPath(key)).catch(ignoreAbsent);
      return facts ? [{ key, bytes: facts.size, modified: facts.mtimeMs }] : [];
    });
    return found.flat();
  }

  async remove(keys: readonly string[]): Promise<void> {
    await mapConcurrently(keys, key => rm(this.localPath(key), { force: true }));
    const folders = new Set(keys.map(key => dirname(this.localPath(key))));
    for (const folder of folders) await removeEmpty(folder, this.#root);
  }

  async sweep(before: number): Promise<void> {
    const folder = join(this.#root, PARTIAL);
    for (const name of (await readdir(folder).catch(ignoreAbsent)) ?? []) {
      const path = join(folder, name);
      const facts = await stat(path).catch(ignoreAbsent);
      if (facts && facts.mtimeMs < before) await rm(path, { force: true });
    }
  }

  localPath(key: string): string {
    return join(this.#root, ...key.split('/'));
  }

  /**
   * Writes and flushes a file aside, then moves it into place: readers see what was there, nothing, or the whole file, and
   * a power cut does not keep a name without its content.
   */
  async #put(key: string, write: (path: string) => Promise<void>, move = rename): Promise<void> {
    const partial = join(this.#root, PARTIAL, randomUUID());
    await mkdir(dirname(partial), { recursive: true });
    try {
      await write(partial);
      await flush(partial);
      await moveInto(this.localPath(key), target => move(partial, target));
    } finally {
      await rm(partial, { force: true });
    }
  }
}

function ignoreAbsent(error: unknown): undefined {
  if (!hasCode(error, ...ABSENT)) throw error;
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function moveInto(target: string, move: (target: string) => Promise<void>): Promise<void> {
  const folder = dirname(target);
  for (let attempt = 1; ; attempt++) {
    await mkdir(folder, { recursive: true });
    try {
      await move(target);
      return await flush(folder);
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || attempt === MOVE_TRIES) throw error;
    }
  }
}

/** Removes a folder and those above it that have become empty, up to the root. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let path = folder; path !== root && path.startsWith(root); path = dirname(path))
    if (!(await removeIfEmpty(path))) return;
}

/** Removes a folder if it is empty. Returns whether it is gone, by whomever. */
async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    if (hasCode(error, 'ENOENT')) return true;
    throw error;
  }
}
