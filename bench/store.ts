// What the store costs: commit and open of the local folder against a plain copy of the same files.
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '../src/store/open-store.js';
import { milliseconds, type Row, spreadOf } from './harness.js';

type Say = (line: string) => void;

const ROUNDS = 5;
const MIB = 2 ** 20;
type Fill = (folder: string) => Promise<void>;

const median = (values: readonly number[]): number => spreadOf(values).median;
const seconds = async (work: () => Promise<unknown>): Promise<number> => (await milliseconds(work)) / 1000;

async function measure(what: string, bytes: number, { fill, say }: { fill: Fill; say: Say }): Promise<Row[]> {
  const home = await mkdtemp(join(tmpdir(), 'detdistill-bench-'));
  try {
    const source = join(home, 'source');
    await mkdir(source);
    await fill(source);
    const store = openStore({ storeUrl: pathToFileURL(join(home, 'store')).href, cacheFolder: home });
    const times = { copy: [] as number[], commit: [] as number[], open: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      times.copy.push(await seconds(() => cp(source, join(home, `copy-${round}`), { recursive: true })));
      times.commit.push(await seconds(() => store.commit(`bench/${round}`, source)));
      const { ref } = (await store.find(`bench/${round}`))!;
      times.open.push(await seconds(() => store.open(ref)));
    }
    const copy = median(times.copy);
    const row = (name: string, value: number): string =>
      `  ${name.padEnd(8)}${value.toFixed(3)} s  ${(bytes / MIB / value).toFixed(0)} MiB/s  ${(value / copy).toFixed(2)} × copy`;
    say(
      [what, row('copy', copy), row('commit', median(times.commit)), row('open', median(times.open))].join(
        '\n',
      ),
    );
    return (['commit', 'open'] as const).map(step => {
      const [ours, theirs] = [1000 * median(times[step]), 1000 * copy];
      const size = bytes / MIB;
      return {
        model: `${step}, ${what}`,
        batch: 1,
        size,
        precision: '',
        peer: 'copy',
        ours,
        theirs,
        ratio: ours / theirs,
      };
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export async function benchStore(
  say: Say,
  [megabytes = 256, files = 1_000]: readonly number[],
): Promise<readonly Row[]> {
  const large: Fill = folder => writeFile(join(folder, 'large'), randomBytes(megabytes * MIB));
  const small: Fill = async folder => {
    for (let i = 0; i < files; i++) await writeFile(join(folder, `${i}.png`), randomBytes(65_536));
  };
  return [
    ...(await measure(`one file of ${megabytes} MiB`, megabytes * MIB, { fill: large, say })),
    ...(await measure(`${files} files of 64 KiB`, files * 65_536, { fill: small, say })),
  ];
}
