import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { mapConcurrently } from '../concurrency.js';
import { errors } from '../errors/index.js';
import type { StoreDriver, StoredObject } from './driver.js';

/** Files that are being written: on the same file system as the rest, never listed. */
const PARTIAL = '.partial';
/** A neighbour that removes the last object of a folder removes the folder too. */
const MOVE_TRIES = 5;

/** Objects as files of a folder. */
export function localFolder(url: string): StoreDriver {
  if (new URL(url).host !== '') throw errors.storeUrlInvalid(url);
  const root = fileURLToPath(url);
  const pathOf = (key: string): string => join(root, ...key.split('/'));

  /** Written and flushed aside, then moved: readers see what was there, nothing, or the whole file. */
  async function whole(key: string, write: (path: string) => Promise<void>, move = rename): Promise<void> {
    const partial = join(root, PARTIAL, randomUUID());
    await mkdir(dirname(partial), { recursive: true });
    try {
      await write(partial);
      await flush(partial);
      await moveInto(pathOf(key), target => move(partial, target));
    } finally {
      await rm(partial, { force: true });
    }
  }

  return {
    url,
    isRefusal: error => REFUSALS.has(codeOf(error)),
    putFile: (key, path) => whole(key, partial => copyFile(path, partial, constants.COPYFILE_FICLONE)),
    putBytes: (key, bytes) => whole(key, partial => writeFile(partial, bytes)),
    putBytesOnce: (key, bytes) =>
      // Unlike a rename, a link never replaces.
      whole(key, partial => writeFile(partial, bytes), link).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === 'EEXIST') return false;
          throw error;
        },
      ),
    read: key => readIfThere(pathOf(key)),
    list: folder => listFiles(root, pathOf(folder)),
    remove: async keys => {
      await mapConcurrently(keys, key => rm(pathOf(key), { force: true }));
      for (const folder of new Set(keys.map(key => dirname(pathOf(key))))) await removeEmpty(folder, root);
    },
    sweep: before => sweepFolder(join(root, PARTIAL), before),
    localPath: pathOf,
  };
}

const REFUSALS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'EINVAL']);
const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
/** System errors carry one; others have none. */
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? '';

function orAbsent(error: unknown): undefined {
  if (ABSENT.has(codeOf(error))) return undefined;
  throw error;
}

/** A power cut must not keep a name and lose the content. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

async function moveInto(target: string, move: (target: string) => Promise<void>): Promise<void> {
  const folder = dirname(target);
  for (let attempt = 1; ; attempt++) {
    await mkdir(folder, { recursive: true });
    try {
      await move(target);
      return await flush(folder);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === MOVE_TRIES) throw error;
    }
  }
}

async function readIfThere(path: string): Promise<Readable | undefined> {
  const handle = await open(path).catch(orAbsent);
  return handle?.createReadStream();
}

async function listFiles(root: string, folder: string): Promise<StoredObject[]> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(orAbsent)) ?? [];
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  const kept = paths.filter(path => !relative(root, path).startsWith(PARTIAL + sep));
  const found = await mapConcurrently(kept, async path => {
    const facts = await stat(path).catch(orAbsent);
    const key = relative(root, path).split(sep).join('/');
    return facts ? [{ key, bytes: facts.size, modified: facts.mtimeMs }] : [];
  });
  return found.flat();
}

/** A folder and those above it that have become empty, up to the root. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let path = folder; path !== root && path.startsWith(root); path = dirname(path)) {
    const isGone = await rmdir(path).then(
      () => true,
      (error: unknown) => {
        if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error))) return codeOf(error) === 'ENOENT';
        throw error;
      },
    );
    if (!isGone) return;
  }
}

async function sweepFolder(folder: string, before: number): Promise<void> {
  for (const name of (await readdir(folder).catch(orAbsent)) ?? []) {
    const path = join(folder, name);
    const facts = await stat(path).catch(orAbsent);
    if (facts && facts.mtimeMs < before) await rm(path, { force: true });
  }
}
