// What the store costs: commit and open of the local folder against a plain copy of the same files.
import { randomBytes } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readSettings } from '../src/settings.js';
import { openStore } from '../src/store/open-store.js';
import { milliseconds } from './contestants.js';
import { inFolder } from './folder.js';
import type { Report } from './report.js';
import { against, alone, type Row } from './row.js';

const ROUNDS = 5;
const MIB = 2 ** 20;
type Fill = (folder: string) => Promise<void>;

const measure = (report: Report, what: string, { fill, mib }: { fill: Fill; mib: number }): Promise<Row[]> =>
  inFolder(async home => {
    const source = join(home, 'source');
    await mkdir(source);
    await fill(source);
    const store = openStore({
      ...readSettings(),
      storeUrl: pathToFileURL(join(home, 'store')).href,
      cacheFolder: home,
    });
    const times = { copy: [] as number[], commit: [] as number[], open: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      report.progress(`${what}: round ${round + 1} of ${ROUNDS}`);
      const copy = join(home, `copy-${round}`);
      times.copy.push(await milliseconds(() => cp(source, copy, { recursive: true })));
      times.commit.push(await milliseconds(() => store.commit(`bench/${round}`, source)));
      const { ref } = (await store.find(`bench/${round}`))!;
      times.open.push(await milliseconds(() => store.open(ref)));
    }
    const rows: Row[] = [];
    for (const step of ['commit', 'open'] as const) {
      const about = { model: `${step}, ${what}`, size: mib, precision: '' };
      rows.push(
        against(report, about, { ours: times[step], peer: 'copy', theirs: times.copy }),
        alone(report, { ...about, unit: 'MiB/s' }, times[step].map(ms => (1000 * mib) / ms)), // prettier-ignore
      );
    }
    return rows;
  });

export interface StoreCase {
  readonly megabytes: number;
  readonly files: number;
}

export async function benchStore(report: Report, { megabytes, files }: StoreCase): Promise<Row[]> {
  const large: Fill = folder => writeFile(join(folder, 'large'), randomBytes(megabytes * MIB));
  const small: Fill = async folder => {
    for (let i = 0; i < files; i++) await writeFile(join(folder, `${i}.png`), randomBytes(65_536));
  };
  return [
    ...(await measure(report, `one file of ${megabytes} MiB`, { fill: large, mib: megabytes })),
    ...(await measure(report, `${files} files of 64 KiB`, { fill: small, mib: (files * 65_536) / MIB })),
  ];
}
