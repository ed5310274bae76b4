import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { providePython, type PythonPackages } from '../src/native/python.js';
import { nativePaths } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import { type Parity, PARITY_LOG } from './parity.js';

/**
 * `npm run parity`: makes the golden numbers anew with the references themselves, compares with them, and writes what was
 * measured to docs/parity.md.
 */

interface GoldenRow {
  readonly script: string;
  /** Written anew. */
  readonly golden: string;
  readonly packages: PythonPackages;
  /** Its folder is what the script is called with. */
  readonly part?: 'demo-images';
  /** Environment variable with a folder that no registry has; without it the golden numbers stay. */
  readonly needs?: string;
}

const GOLDEN: readonly GoldenRow[] = [
  { script: 'tensorflow/training.py', golden: 'tensorflow/training.json', packages: 'light' },
  { script: 'resize_bilinear.py', golden: 'resize-bilinear.json', packages: 'light' },
  { script: 'resize_antialias.py', golden: 'resize-antialias.json', packages: 'light' },
  { script: 'effdet/gradients.py', golden: 'effdet/gradients.json', packages: 'heavy' },
  { script: 'effdet/iou_gradients.py', golden: 'effdet/iou-gradients.json', packages: 'heavy' },
  { script: 'tide.py', golden: 'tide.json', packages: 'heavy' },
  { script: 'perceptual_hash.py', golden: 'perceptual-hash.json', packages: 'heavy', part: 'demo-images' },
  { script: 'objectlab.py', golden: 'objectlab.json', packages: 'heavy' },
  { script: 'automl/cases.py', golden: 'automl/cases.json', packages: 'light', needs: 'GOOGLE_AUTOML' },
];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HERE = join(ROOT, 'test/golden');
const run = promisify(execFile);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function refresh({ script, golden, packages, part, needs }: GoldenRow): Promise<string> {
  const own = part && nativePaths(readSettings())[part];
  const folder = needs === undefined ? own : process.env[needs];
  if (needs !== undefined && !folder) return `kept: ${needs} names no folder`;
  const started = Date.now();
  const python = await providePython({ cacheFolder: readSettings().cacheFolder, packages });
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '-1', TF_CPP_MIN_LOG_LEVEL: '3' };
  const { stdout } = await run(python, [join(HERE, script), ...(folder ? [folder] : [])], {
    env,
    maxBuffer: 1e9,
  });
  JSON.parse(stdout);
  const file = join(HERE, golden);
  const before = await readFile(file, 'utf8');
  await writeFile(`${file}.partial`, stdout);
  await rename(`${file}.partial`, file);
  const seconds = Math.round((Date.now() - started) / 1000);
  return `${stdout === before ? 'as before' : 'made anew'}, ${seconds} s`;
}

async function testsThatMeasure(): Promise<string[]> {
  const names = await readdir(join(ROOT, 'test'), { recursive: true });
  const tests = names.filter(name => name.endsWith('.test.ts')).sort();
  const texts = await Promise.all(tests.map(name => readFile(join(ROOT, 'test', name), 'utf8')));
  return tests.filter((_, i) => texts[i]!.includes('expectParity(')).map(name => join('test', name));
}

type Measured = Parity & { readonly test: string };

async function measure(): Promise<Measured[]> {
  const folder = await mkdtemp(join(tmpdir(), 'parity-'));
  try {
    const log = join(folder, 'log');
    const env = { ...process.env, [PARITY_LOG]: log };
    const command = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const { status } = spawnSync(process.execPath, [command, 'run', ...(await testsThatMeasure())], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new Error('numbers differ from the references: see above');
    const lines = (await readFile(log, 'utf8')).trim().split('\n');
    return lines.map(line => JSON.parse(line) as Measured);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of an item that several tests measured, the worst. */
function worstOfEach(measured: readonly Measured[]): Measured[] {
  const worst = new Map<string, Measured>();
  for (const row of measured) {
    const known = worst.get(row.item);
    if (!known || row.error > known.error) worst.set(row.item, row);
  }
  return [...worst.values()].sort((a, b) => a.test.localeCompare(b.test));
}

const number = (value: number): string =>
  value === 0 || value >= 0.01 ? String(Number(value.toPrecision(2))) : value.toExponential(1);

function render(measured: readonly Measured[]): string {
  const rows = worstOfEach(measured).map(
    ({ item, reference, cases, error, limit, measure: unit, test }) =>
      `| ${item} | ${reference} | ${cases} | ${number(error)} | ${number(limit)} | ${unit} | \`${relative('test', test)}\` |`,
  );
  const [{ model = 'unknown' } = {}] = cpus();
  return `# Parity with reference implementations

This page lists how closely every number that decides what is learned or reported matches a reference implementation.
\`npm test\` compares with golden files, each of which names the command that made it, and with Python TensorFlow, pycocotools
and PIL. \`npm run parity\` first regenerates the golden files with effdet, PyTorch, tidecv, imagehash and cleanlab (gigabytes,
downloaded into the cache) and then writes this page. To measure one row again, run \`npx vitest run test/…\` with the file in
its last column. google/automl is in no registry; to regenerate its golden file too, set \`GOOGLE_AUTOML\` to its
\`efficientdet\` folder.

Measured by \`npm run parity\` on ${cpus().length} cores, ${model.trim()}.

| item | reference | cases | largest error | tolerance | unit | test |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

for (const row of GOLDEN) say(`${basename(row.golden)}: ${await refresh(row)}`);
const page = join(ROOT, 'docs/parity.md');
const measured = await measure();
await writeFile(page, render(measured));
say(`${measured.length} comparisons; docs/parity.md is written`);
