import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withLock } from './lock.js';

interface Making {
  /** Whether what is wanted is already there; asked again under the lock. */
  readonly isThere: () => boolean;
  /** Gives the path of what is to be moved to its place; `folder` is empty and goes away in any case. */
  readonly make: (folder: string) => Promise<string>;
}

/**
 * Makes a file or folder beside its place and moves it there whole, by one rename: what is cut off is never used.
 * Of several processes one makes it, the others wait.
 */
export async function makeBeside(path: string, { isThere, make }: Making): Promise<void> {
  if (isThere()) return;
  await withLock(`${path}.lock`, async () => {
    if (isThere()) return;
    await removeLeftovers(path);
    const folder = await mkdtemp(`${path}.partial-`);
    try {
      const made = await make(folder);
      await rm(path, { recursive: true, force: true });
      await rename(made, path);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** What a killed process left; nobody else is at work while the lock is held. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path));
  const leftovers = names.filter(name => name.startsWith(`${basename(path)}.partial-`));
  await Promise.all(leftovers.map(name => rm(join(dirname(path), name), { recursive: true, force: true })));
}

export async function subfolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  return folder;
}
