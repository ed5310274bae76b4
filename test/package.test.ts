import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../src/settings.js';
import { detdistill } from './cli/command-line.js';
import { drawImage } from './data/scene.js';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

let project = '';
/**
 * The package as a user gets it. Its dependencies come from npm's cache, or from the registry: the versions that
 * package.json allows may be newer than those of the lock file.
 */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'detdistill-package-'));
  await detdistill(['--version']); // builds
  await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: ROOT });
  const [tarball] = await readdir(project);
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...options, `./${tarball}`], { cwd: project });
});
afterAll(() => rm(project, { recursive: true, force: true }));

const installed = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(join(project, 'node_modules/.bin/detdistill'), args, { cwd: project });

describe('the installed package', () => {
  it('runs its command', async () => {
    expect((await installed('--help')).stdout).toContain('Usage: detdistill');
    const data = join(project, 'data');
    await mkdir(data);
    await drawImage({ width: 64, height: 64 }).png().toFile(join(data, 'a.png'));
    await writeFile(join(data, 'classes.txt'), 'tree\n');
    await writeFile(join(data, 'a.txt'), '0 0.5 0.5 0.25 0.25\n');
    await writeFile(
      join(project, 'run.yaml'),
      `name: installed\ndata: { train: ${data} }\nstudent: { model_name: efficientdet-d0 }\n`,
    );
    expect((await installed('plan', 'run.yaml')).stdout).toContain('train-student');
  });

  it('finds what set-up has provided, and downloads nothing again', async () => {
    const { stdout, stderr } = await installed('setup');
    expect(stderr).not.toContain('downloading');
    expect(stdout).toContain(readSettings().cacheFolder);
  });

  it('has types for programs that use modules as Node does', async () => {
    const program =
      "import { openRuns, type Runs } from 'detdistill';\nexport const runs: Promise<Runs> = openRuns();\n";
    await writeFile(join(project, 'program.ts'), program);
    const compiler = join(ROOT, 'node_modules/typescript-native/bin/tsc');
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types];
    const { stdout } = await run(process.execPath, [compiler, ...options, 'program.ts'], { cwd: project });
    expect(stdout).toBe('');
  });
});
