import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

interface UnzipOptions {
  readonly into: string;
  /** Members whose paths start with one of these are unpacked. */
  readonly members: readonly string[];
  readonly onProgress: (bytes: number, totalBytes: number) => void;
}

/** Unpacks some members of a zip file, each at its own path below `into`. @returns how many they were */
export async function unzip(file: string, { into, members, onProgress }: UnzipOptions): Promise<number> {
  const entries = await readEntries(file, members);
  const totalBytes = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
  const count = counter(bytes => onProgress(bytes, totalBytes));
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false });
  try {
    for (const entry of entries) await unpack(zip, entry, { into, count });
  } finally {
    zip.close();
  }
  return entries.length;
}

const REPORT_MS = 200;

/** Sums bytes up and reports the sum at intervals. */
function counter(report: (bytes: number) => void): (bytes: number) => void {
  let [bytes, reported] = [0, 0];
  return more => {
    bytes += more;
    if (Date.now() - reported < REPORT_MS) return;
    reported = Date.now();
    report(bytes);
  };
}

async function readEntries(file: string, members: readonly string[]): Promise<Entry[]> {
  const zip = await openPromise(file, { lazyEntries: true });
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    const isFolder = entry.fileName.endsWith('/');
    if (!isFolder && members.some(prefix => entry.fileName.startsWith(prefix))) entries.push(entry);
  }
  return entries;
}

interface Destination {
  readonly into: string;
  readonly count: (bytes: number) => void;
}

async function unpack(zip: ZipFile, entry: Entry, { into, count }: Destination): Promise<void> {
  const path = join(into, entry.fileName); // yauzl refuses absolute names and ..
  await mkdir(dirname(path), { recursive: true });
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      count(chunk.length);
      done(null, chunk);
    },
  });
  await pipeline(
    await zip.openReadStreamPromise(entry),
    counting,
    createWriteStream(path, { mode: modeOf(entry) }),
  );
}

/** A zip keeps Unix modes in the upper half of this field. */
const modeOf = ({ externalFileAttributes }: Entry): number =>
  (externalFileAttributes >>> 16) & 0o111 ? 0o755 : 0o644;
