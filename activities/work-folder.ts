import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../src/settings.js';

const workOf = ({ home }: Settings): string => join(home, 'work');

/** Names who works there: NAME.HOST.PID.RANDOM */
const ownedPrefix = (name: string): string => `${name}.${hostname()}.${process.pid}.`;
const OWNED = /^[^.]+\.(.+)\.(\d+)\.[^.]+$/;

/** An empty folder for as long as `work` runs; nobody else writes there, whatever else makes the same. */
export async function inWorkFolder<T>(
  settings: Settings,
  name: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await mkdir(workOf(settings), { recursive: true });
  const owned = await mkdtemp(join(workOf(settings), ownedPrefix(name)));
  try {
    const folder = join(owned, 'artifact');
    await mkdir(folder);
    return await work(folder);
  } finally {
    await rm(owned, { recursive: true, force: true });
  }
}

/** Removes the folders of processes of this machine that were killed. */
export async function removeAbandonedWork(settings: Settings): Promise<void> {
  const names = await readdir(workOf(settings)).catch(() => []); // nobody worked here yet
  const abandoned = names.filter(name => {
    const [, host, pid] = OWNED.exec(name) ?? [];
    return host === hostname() && !isRunning(Number(pid));
  });
  for (const name of abandoned) await rm(join(workOf(settings), name), { recursive: true, force: true });
}

/** Whether a process of this machine runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // of another user: runs
  }
}
