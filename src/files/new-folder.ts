import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errors } from '../errors/index.js';

/** Fills a folder beside its place and moves it there when it is whole; a folder that holds something stays as it is. */
export async function fillFolder<T>(path: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(path);
  await assertEmpty(target);
  const folder = `${target}.partial-${process.pid}`;
  await mkdir(folder, { recursive: true });
  try {
    const result = await fill(folder);
    await rmdir(target).catch(() => undefined); // empty, or not there
    await rename(folder, target);
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function assertEmpty(path: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw errors.outputUnusable(path, error.code === 'ENOTDIR' ? 'is a file' : error.message);
  });
  if (names.length > 0) throw errors.outputUnusable(path, `holds ${names.length} entries already`);
}
