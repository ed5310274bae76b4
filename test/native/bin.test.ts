import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const printing = (text: string): string =>
  `export async function main(argv: string[]): Promise<void> { process.stdout.write('${text} ' + argv.join(' ')); }\n`;

let checkout: string;
/** A checkout of its own: the real bin over a small program. */
beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'detdistill-bin-'));
  await cp(join(ROOT, 'bin'), join(checkout, 'bin'), { recursive: true });
  for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json'])
    await cp(join(ROOT, name), join(checkout, name));
  await mkdir(join(checkout, 'node_modules'));
  for (const name of [
    'typescript-native',
    '@typescript',
    'tsx',
    'esbuild',
    '@esbuild',
    '@types',
    'get-tsconfig',
    'undici-types',
  ])
    if (existsSync(join(ROOT, 'node_modules', name)))
      await symlink(join(ROOT, 'node_modules', name), join(checkout, 'node_modules', name));
  await mkdir(join(checkout, 'src', 'cli'), { recursive: true });
  for (const name of ['lock.ts', 'process.ts', 'system-error.ts', 'walk.ts'])
    await cp(join(ROOT, 'src/files', name), join(checkout, 'src/files', name));
  await writeFile(join(checkout, 'src/cli/main.ts'), printing('one'));
});
afterEach(() => rm(checkout, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(checkout, 'bin/detdistill.mjs'), ...args]);
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', chunk => (said.stdout += String(chunk)));
  child.stderr.on('data', chunk => (said.stderr += String(chunk)));
  return new Promise(resolve => child.on('close', code => resolve({ code, ...said })));
}

describe('bin/detdistill.mjs in a checkout', () => {
  it('builds first, then again only when a source is newer, and never says so on stdout', async () => {
    const [first, same] = [await run('list', '--json'), await run('list', '--json')];
    expect(first).toEqual({ code: 0, stdout: 'one list --json', stderr: 'Building detdistill …\n' });
    expect(same).toEqual({ code: 0, stdout: 'one list --json', stderr: '' });
    await writeFile(join(checkout, 'src/cli/main.ts'), printing('two'));
    expect((await run('plan')).stdout).toBe('two plan');
  });

  it('builds once when two start at the same time', async () => {
    const outcomes = await Promise.all([run('a'), run('b')]);
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(['one a', 'one b']);
    expect(outcomes.map(({ stderr }) => stderr).join('')).toBe('Building detdistill …\n');
  });

  it('shows why it cannot be built, ends with 1, and builds again next time', async () => {
    await writeFile(join(checkout, 'src/cli/main.ts'), 'export const main: number = "text";\n');
    for (const outcome of [await run(), await run()]) {
      expect(outcome).toMatchObject({ code: 1, stdout: '' });
      expect(outcome.stderr).toContain('src/cli/main.ts(1,14): error TS2322');
      expect(outcome.stderr).toContain('detdistill could not be built');
    }
  });

  it('repairs a build that somebody removed half of', async () => {
    await run();
    await rm(join(checkout, 'dist/src'), { recursive: true });
    expect(await run()).toMatchObject({ code: 0, stdout: 'one ' });
  });

  it('asks for npm ci where nothing is installed', async () => {
    await rm(join(checkout, 'node_modules/typescript-native'));
    const { code, stderr } = await run();
    expect([code, stderr]).toEqual([
      1,
      'detdistill is not built and typescript is not installed: run `npm ci`\n',
    ]);
  });
});

describe('bin/detdistill.mjs in an installed package', () => {
  it('runs what was built', async () => {
    await run();
    await rm(join(checkout, 'src'), { recursive: true });
    const future = new Date(Date.now() + 60_000);
    await utimes(join(checkout, 'package.json'), future, future);
    expect(await run('list')).toEqual({ code: 0, stdout: 'one list', stderr: '' });
    expect(await readFile(join(checkout, 'dist/src/cli/main.js'), 'utf8')).toContain("'one '");
  });
});
