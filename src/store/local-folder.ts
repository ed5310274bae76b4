import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StoreDriver } from './driver.js';

/** Names of files that are being written; nothing lists or reads them. */
const PARTIAL = '.partial-';
let sequence = 0;

/** Objects as files of a folder. */
export function localFolder(url: string): StoreDriver {
  const root = fileURLToPath(url);
  const pathOf = (key: string): string => join(root, ...key.split('/'));

  /** Beside the target, flushed, then renamed: readers see the old file, none, or the whole new one. */
  async function whole(key: string, write: (path: string) => Promise<void>): Promise<void> {
    const target = pathOf(key);
    const partial = join(dirname(target), `${PARTIAL}${process.pid}-${sequence++}`);
    await mkdir(dirname(target), { recursive: true });
    try {
      await write(partial);
      const file = await open(partial, 'r+');
      await file.sync().finally(() => file.close());
      await rename(partial, target);
    } finally {
      await rm(partial, { force: true });
    }
  }

  return {
    url,
    putFile: (key, path) => whole(key, partial => copyFile(path, partial, constants.COPYFILE_FICLONE)),
    putBytes: (key, bytes) => whole(key, partial => writeFile(partial, bytes)),
    getFile: async (key, path) => {
      await mkdir(dirname(path), { recursive: true });
      await copyFile(pathOf(key), path, constants.COPYFILE_FICLONE);
    },
    getBytes: key => readFile(pathOf(key)).catch(absent),
    size: async key => (await stat(pathOf(key)).catch(absent))?.size,
    list: async prefix => {
      const entries =
        (await readdir(pathOf(prefix), { recursive: true, withFileTypes: true }).catch(absent)) ?? [];
      const files = entries.filter(entry => entry.isFile() && !entry.name.startsWith(PARTIAL));
      return files
        .map(entry => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .sort();
    },
    remove: key => rm(pathOf(key), { force: true }),
    localPath: pathOf,
  };
}

function absent(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  throw error;
}
