import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { formatDuration } from '../src/cli/format.js';
import type { Terminal } from '../src/cli/terminal.js';
import { BENCHMARKS } from './benchmarks.js';

/** A benchmark that takes longer is stopped and counts as failed. */
const LONGEST_SECONDS = 900;
/** The time between SIGTERM and SIGKILL. */
const GRACE_MS = 10_000;
const PROGRAM = fileURLToPath(new URL('./run.js', import.meta.url));

/** Runs every benchmark in a process of its own, one after the other. @returns the names of those that failed */
export async function runAll({ json, say }: Terminal): Promise<string[]> {
  const failed: string[] = [];
  const started = performance.now();
  const secondsSoFar = (): number => (performance.now() - started) / 1000;
  const names = Object.entries(BENCHMARKS);
  for (const [i, [name, { argsInAll = [] }]] of names.entries()) {
    say(`\n${name} (${i + 1} of ${names.length}; ${formatDuration(secondsSoFar())} so far)`);
    const failure = await failureOf([name, ...argsInAll, ...(json ? ['--json'] : [])]);
    if (failure !== null) failed.push(name);
    if (failure !== null) say(`${name} failed: ${failure}`);
  }
  say(
    `\n${names.length} benchmarks in ${formatDuration(secondsSoFar())}; failed: ${failed.join(', ') || 'none'}`,
  );
  return failed;
}

/** Runs one benchmark. @returns what ended it, or null if it succeeded */
async function failureOf(args: readonly string[]): Promise<string | null> {
  // It leads a process group of its own, so that everything it has started can be stopped with it.
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'inherit', detached: true });
  const kill = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  };
  const stop = (): void => {
    kill('SIGTERM');
    setTimeout(() => kill('SIGKILL'), GRACE_MS).unref();
  };
  let isInterrupted = false;
  const interrupt = (): void => {
    if (!isInterrupted) stop();
    isInterrupted = true;
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, LONGEST_SECONDS * 1000);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]; // as Node documents it
  for (const signal of signals) process.off(signal, interrupt);
  clearTimeout(timer);
  if (isInterrupted) process.exit(130);
  if (isLate) return `it took more than ${formatDuration(LONGEST_SECONDS)}`;
  return code === 0 ? null : (signal ?? `exit status ${code}`);
}
