import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Facts of a file or folder behind any links; null: it is not there. */
export const statOf = (path: string): Promise<Stats | null> => stat(path).catch(() => null);

/** Names in a folder that are no folders; none where there is no such folder. */
export async function fileNames(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return new Set(entries.filter(entry => !entry.isDirectory()).map(({ name }) => name));
}

/** Every file below a folder, sorted; links are followed, hidden files are not data. */
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
