// What the store costs: commit and open of the local folder against a plain copy of the same files.
// npx tsx bench/store.ts [megabytes in one file] [small files]
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '../src/store/open-store.js';

const ROUNDS = 5;
const MIB = 2 ** 20;
const [megabytes = 256, smallFiles = 1_000] = process.argv.slice(2).map(Number);

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function measure(what: string, bytes: number, fill: (folder: string) => Promise<void>): Promise<void> {
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
    console.log(
      [what, row('copy', copy), row('commit', median(times.commit)), row('open', median(times.open))].join(
        '\n',
      ),
    );
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

await measure(`one file of ${megabytes} MiB`, megabytes * MIB, folder =>
  writeFile(join(folder, 'large'), randomBytes(megabytes * MIB)),
);
await measure(`${smallFiles} files of 64 KiB`, smallFiles * 65_536, async folder => {
  for (let i = 0; i < smallFiles; i++) await writeFile(join(folder, `${i}.png`), randomBytes(65_536));
});
