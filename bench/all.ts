import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { formatDuration } from '../src/cli/format.js';
import type { Terminal } from '../src/cli/terminal.js';
import { BENCHES } from './names.js';

/** One that takes longer is ended, and counts as failed. */
const LONGEST_SECONDS = 900;
/** Until what has been asked to end is killed. */
const GRACE_MS = 10_000;
const PROGRAM = fileURLToPath(new URL('./run.js', import.meta.url));

/** Every benchmark in a process of its own, one after the other. @returns the names of those that failed */
export async function benchAll({ json, say }: Terminal): Promise<string[]> {
  const failed: string[] = [];
  const started = performance.now();
  const names = Object.entries(BENCHES);
  for (const [i, [name, { brief = [] }]] of names.entries()) {
    const seconds = (performance.now() - started) / 1000;
    say(`\n${name} (${i + 1} of ${names.length}; ${formatDuration(seconds)} so far)`);
    const how = await run([name, ...brief, ...(json ? ['--json'] : [])]);
    if (how !== '0') failed.push(name);
    if (how !== '0') say(`${name} failed: ${how}`);
  }
  const seconds = (performance.now() - started) / 1000;
  say(`\n${names.length} benchmarks in ${formatDuration(seconds)}; failed: ${failed.join(', ') || 'none'}`);
  return failed;
}

/** How it ended: its exit status, or what ended it. */
async function run(args: readonly string[]): Promise<string> {
  // A group of its own: whatever it has started ends with it.
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'inherit', detached: true });
  const kill = (signal: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal);
  };
  const end = (): void => {
    kill('SIGTERM');
    setTimeout(() => kill('SIGKILL'), GRACE_MS).unref();
  };
  let isEnding = false;
  const interrupt = (): void => {
    if (!isEnding) end();
    isEnding = true;
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, LONGEST_SECONDS * 1000);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  for (const signal of signals) process.off(signal, interrupt);
  clearTimeout(timer);
  if (isEnding) process.exit(130);
  return isLate ? `it took more than ${formatDuration(LONGEST_SECONDS)}` : String(signal ?? code);
}
