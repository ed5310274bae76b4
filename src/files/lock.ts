import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './process.js';
import { hasCode } from './system-error.js';
import { statOf } from './walk.js';

const POLL_MS = 200;
const BEAT_MS = 5_000;
/** Long enough for a busy machine to miss some beats. */
const STALE_MS = 60_000;

/** Runs `work` while no other process holds the lock file; a lock whose holder is gone is taken over. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const token = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() });
  await mkdir(dirname(path), { recursive: true });
  while (!(await acquire(path, token))) {
    if (await isAbandoned(path)) await takeAway(path);
    else await sleep(POLL_MS);
  }
  const beat = setInterval(() => void touch(path), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await read(path)) === token) await rm(path, { force: true });
  }
}

async function acquire(path: string, token: string): Promise<boolean> {
  try {
    await writeFile(path, token, { flag: 'wx' });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const holder = parse(await read(path));
  const facts = await statOf(path);
  if (facts === null) return false;
  if (Date.now() - facts.mtimeMs > STALE_MS) return true;
  return holder !== null && holder.host === hostname() && !isRunning(holder.pid);
}

/** Renames before it removes: of several waiters one gets the file, and a lock taken meanwhile is put back. */
async function takeAway(path: string): Promise<void> {
  const judged = await read(path);
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const holder = parse(await read(aside));
  const alive = holder !== null && holder.host === hostname() && isRunning(holder.pid);
  if (alive && (await read(aside)) !== judged) await link(aside, path).catch(() => undefined); // taken again already
  await rm(aside, { force: true });
}

function parse(text: string | null): { pid: number; host: string } | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    return 'pid' in value && 'host' in value ? { pid: Number(value.pid), host: String(value.host) } : null;
  } catch {
    return null; // being written at this moment
  }
}

const read = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined); // taken over: the release sees it
}
