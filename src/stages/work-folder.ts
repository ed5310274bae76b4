import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../settings.js';
import { isRunning } from '../files/process.js';

const workOf = ({ home }: Settings): string => join(home, 'work');

/** The name tells the owner: NAME.HOST.PID.RANDOM */
const ownedPrefix = (name: string): string => `${name}.${hostname()}.${process.pid}.`;
const OWNED = /^[^.]+\.(.+)\.(\d+)\.[^.]+$/;

/** Gives `work` an empty folder of its own, and removes it afterwards. */
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

/** A folder that all attempts of one stage on this machine share; the stage removes it when it is done. */
export const sharedFolder = (settings: Settings, name: string): string =>
  join(workOf(settings), `${name}${SHARED}`);

const SHARED = '.shared';
const SHARED_DAYS = 7;

/** Removes the folders of killed processes of this machine, and shared ones that no attempt has used for a week. */
export async function removeAbandonedWork(settings: Settings): Promise<void> {
  const names = await readdir(workOf(settings)).catch(() => []); // nobody worked here yet
  const abandoned = names.filter(name => {
    const [, host, pid] = OWNED.exec(name) ?? [];
    return host === hostname() && !isRunning(Number(pid));
  });
  const oldest = Date.now() - SHARED_DAYS * 24 * 3600 * 1000;
  for (const name of names.filter(shared => shared.endsWith(SHARED))) {
    const found = await stat(join(workOf(settings), name)).catch(() => null); // its stage has just ended
    if (found && found.mtimeMs < oldest) abandoned.push(name);
  }
  for (const name of abandoned) await rm(join(workOf(settings), name), { recursive: true, force: true });
}
