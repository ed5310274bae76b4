/** The cost of the store: commit to and open from a local folder, compared with a plain copy of the same files. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readSettings } from '../src/settings.js';
import { openStore } from '../src/store/open-store.js';
import type { Report } from './report.js';
import { comparisonRow, figureRow, type Row } from './row.js';
import { inTemporaryFolder } from './temporary-folder.js';
import { milliseconds } from './timing.js';

const ROUNDS = 5;
const MIB = 2 ** 20;
/** Files to be stored, and their size. */
interface Content {
  readonly fill: (folder: string) => Promise<void>;
  readonly mib: number;
}

const measure = (report: Report, name: string, { fill, mib }: Content): Promise<Row[]> =>
  inTemporaryFolder(async home => {
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
      report.progress(`${name}: round ${round + 1} of ${ROUNDS}`);
      const copy = join(home, `copy-${round}`);
      times.copy.push(await milliseconds(() => cp(source, copy, { recursive: true })));
      times.commit.push(await milliseconds(() => store.commit(`bench/${round}`, source)));
      const { ref } = (await store.find(`bench/${round}`))!;
      times.open.push(await milliseconds(() => store.open(ref)));
    }
    const rows: Row[] = [];
    for (const step of ['commit', 'open'] as const) {
      const subject = { model: `${step}, ${name}`, size: mib, precision: '' };
      rows.push(
        comparisonRow(report, subject, { ours: times[step], peer: 'copy', theirs: times.copy }),
        figureRow(report, { ...subject, unit: 'MiB/s' }, times[step].map(ms => (1000 * mib) / ms)), // prettier-ignore
      );
    }
    return rows;
  });

export interface StoreOptions {
  readonly megabytes: number;
  readonly files: number;
}

export async function benchStore(report: Report, { megabytes, files }: StoreOptions): Promise<Row[]> {
  const large: Content['fill'] = folder => writeFile(join(folder, 'large'), randomBytes(megabytes * MIB));
  const small: Content['fill'] = async folder => {
    for (let i = 0; i < files; i++) await writeFile(join(folder, `${i}.png`), randomBytes(65_536));
  };
  return [
    ...(await measure(report, `one file of ${megabytes} MiB`, { fill: large, mib: megabytes })),
    ...(await measure(report, `${files} files of 64 KiB`, { fill: small, mib: (files * 65_536) / MIB })),
  ];
}
