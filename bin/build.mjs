// A checkout builds itself before it runs; an installed package has no sources and runs as it is.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...names) => join(root, ...names);

const SOURCES = [
  'src',
  'workflows',
  'activities',
  'workers',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
];
/** Written by tsc at the end of a build. */
const STAMP = at('dist', '.tsbuildinfo');
const MAIN = at('dist', 'src', 'cli', 'main.js');

/** Whether the built program can run. Says what it does on stderr: stdout belongs to the command. */
export async function buildWhenNeeded() {
  if (!existsSync(at('tsconfig.build.json')) || !existsSync(at('src')) || isFresh()) return true;
  const compiler = findCompiler();
  if (compiler === null)
    return existsSync(MAIN) || say('detdistill is not built and typescript is not installed: run `npm ci`');
  const { tsImport } = await import('tsx/esm/api');
  const { withLock } = await tsImport('../src/files/lock.ts', import.meta.url);
  return withLock(at('node_modules', '.detdistill-build.lock'), async () => isFresh() || build(compiler));
}

function isFresh() {
  const built = modifiedAt(STAMP);
  return built !== null && existsSync(MAIN) && SOURCES.every(name => newestIn(at(name)) <= built);
}

/** Folders count too: a file that was removed leaves no other trace. */
function newestIn(path) {
  const own = modifiedAt(path) ?? 0;
  if (own === 0 || !statSync(path).isDirectory()) return own;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestIn(join(path, name))), own);
}

const modifiedAt = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;

function findCompiler() {
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve('typescript-native/package.json')), 'bin', 'tsc');
  } catch {
    return null;
  }
}

async function build(compiler) {
  const started = new Date();
  process.stderr.write('Building detdistill …\n');
  if (!existsSync(MAIN)) await rm(STAMP, { force: true }); // else tsc believes that everything is there
  if ((await runCompiler(compiler)) !== 0) {
    await rm(STAMP, { force: true });
    return say('detdistill could not be built: correct the errors above');
  }
  utimesSync(STAMP, started, started); // what changed during the build is newer
  return true;
}

function runCompiler(compiler) {
  const child = spawn(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  return new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
}

function say(message) {
  process.stderr.write(`${message}\n`);
  return false;
}
