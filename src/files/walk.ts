import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The facts of a file or folder, links followed; null: it is not there. */
export const statOf = (path: string): Promise<Stats | null> => stat(path).catch(() => null);

export const exists = async (path: string): Promise<boolean> => (await statOf(path)) !== null;

export const isFile = async (path: string): Promise<boolean> => (await statOf(path))?.isFile() ?? false;

/** The names in a folder that are not folders; none where there is no such folder. */
export async function fileNames(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return new Set(entries.filter(entry => !entry.isDirectory()).map(({ name }) => name));
}

/** The paths of everything below a folder that is not a folder itself, sorted; links are not followed. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

/** The paths of the data files below a folder, sorted: links are followed, hidden files are left out. */
export async function listFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const child = join(path, entry.name);
      const kind = entry.isSymbolicLink() ? await statOf(child) : entry;
      if (kind?.isDirectory()) await walk(child);
      else if (kind?.isFile()) files.push(child);
    }
  };
  await walk(folder);
  return files.sort();
}

/** The first bytes of a file as text: enough to tell its format. */
export async function readHead(file: string, bytes: number): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
