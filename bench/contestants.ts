import { spawn } from 'node:child_process';
import { once as occurs } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatDuration } from '../src/cli/format.js';
import { providePython, type PythonPackages } from '../src/native/python.js';
import { readSettings } from '../src/settings.js';
import type { Report } from './report.js';

/** Who takes part: a process of its own, so that nobody inherits another's memory, threads and caches. */
export interface Contestant {
  readonly name: string;
  readonly program: Program;
  /** What it is to prepare; the first line it reads. */
  readonly open: object;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * glibc's malloc gives large blocks back to the system as soon as they are freed: PyTorch then spends half of a step on getting
 * a gigabyte page by page. TensorFlow keeps its memory by itself; so does PyTorch with these.
 */
export const KEEP_MEMORY = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: String(2 ** 40) } as const;

/** Answers each line of JSON with one: first what it prepared, then one measurement for each further line. */
type Program =
  /** A module seen from here, as it is compiled. */
  | { readonly module: string }
  /** A script of bench/programs/. */
  | { readonly script: string; readonly packages: PythonPackages };

/** What every program answers to a request for one measurement. */
export interface Measured {
  readonly ms: number;
  /** Of its whole life. */
  readonly peakMiB: number;
}

/** Of the sources. */
export const ROOT = new URL('../../', import.meta.url); // the build lies in dist-bench/bench/

async function commandOf(program: Program): Promise<[string, ...string[]]> {
  if ('module' in program) return [process.execPath, fileURLToPath(new URL(program.module, import.meta.url))];
  const { cacheFolder } = readSettings();
  const python = await providePython({ cacheFolder, packages: program.packages });
  return [python, fileURLToPath(new URL(`bench/programs/${program.script}`, ROOT))];
}

export interface Running<M extends Measured = Measured> {
  readonly name: string;
  readonly measure: () => Promise<M>;
  /** Resolves when its memory is free. */
  readonly end: () => Promise<void>;
}

/** Starts a contestant and lets it prepare; what it says of itself goes to the report, other talk to stderr. */
export async function start<M extends Measured = Measured>(
  { name, program, open, env: own }: Contestant,
  report: Report,
): Promise<Running<M>> {
  report.progress(`${name} starts`);
  const [command, ...args] = await commandOf(program);
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '-1', PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore', ...own }; // prettier-ignore
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = occurs(child, 'close');
  child.stdin.on('error', () => undefined); // one that is gone says so by its silence
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async <T>(request: object): Promise<T> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await lines.next();
    if (line.done === true) throw new Error(`${name} ended before it answered`);
    return JSON.parse(line.value) as T; // the programs in bench/ answer so
  };
  const end = async (): Promise<void> => {
    child.stdin.end();
    child.kill(); // Python in the middle of something, too
    await ended;
  };
  try {
    const about = Object.entries(await ask<object>(open)).map(([key, value]) => `${key} ${value}`);
    report.say(`${name}: ${about.join(', ')}`);
  } catch (error) {
    await end();
    throw error;
  }
  return { name, end, measure: () => ask<M>({ do: 'run' }) };
}

/** One measurement of one who is started for it alone. */
export async function once<M extends Measured = Measured>(
  contestant: Contestant,
  report: Report,
): Promise<M> {
  const { name, measure, end } = await start<M>(contestant, report);
  try {
    report.progress(`${name} works`);
    return await measure();
  } finally {
    await end();
  }
}

/** Starts all at once, for as long as `work` takes. */
async function withContestants<M extends Measured, T>(
  contestants: readonly Contestant[],
  report: Report,
  work: (running: readonly Running<M>[]) => Promise<T>,
): Promise<T> {
  const outcomes = await Promise.allSettled(contestants.map(contestant => start<M>(contestant, report)));
  const running = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  try {
    const failed = outcomes.find(outcome => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    return await work(running);
  } finally {
    await Promise.all(running.map(({ end }) => end()));
  }
}

export interface RaceOptions {
  readonly report: Report;
  readonly warmUp: number;
  readonly rounds: number;
  /** Slow contestants get fewer rounds once these are over, but three. */
  readonly seconds: number;
}

/** Threads of a library look out for more work after it has answered: long enough for them to sleep. */
const SETTLE_MS = 150;
const LEAST_ROUNDS = 3;

/** What each contestant measures in each round: A B C, A B C, … so that what slows the machine slows all. */
export const takeTurns = <M extends Measured = Measured>(
  contestants: readonly Contestant[],
  options: RaceOptions,
): Promise<ReadonlyMap<string, readonly M[]>> =>
  withContestants<M, Map<string, M[]>>(contestants, options.report, running => alternate(running, options));

/** The same in milliseconds. */
export async function race(
  contestants: readonly Contestant[],
  options: RaceOptions,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const measured = await takeTurns(contestants, options);
  return new Map([...measured].map(([name, rounds]) => [name, rounds.map(({ ms }) => ms)]));
}

async function alternate<M extends Measured>(
  running: readonly Running<M>[],
  { report, warmUp, rounds, seconds: enough }: RaceOptions,
): Promise<Map<string, M[]>> {
  const measured = new Map(running.map(({ name }) => [name, [] as M[]]));
  const started = performance.now();
  for (let round = -warmUp; round < rounds; round++) {
    const seconds = (performance.now() - started) / 1000;
    if (round >= LEAST_ROUNDS && seconds > enough) break;
    const which = round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`;
    const perRound = seconds / (round + warmUp);
    const all = Math.max(Math.min(enough, perRound * (rounds + warmUp)), perRound * (LEAST_ROUNDS + warmUp));
    const rest = round > -warmUp ? `, ${formatDuration(all - seconds)} left` : '';
    for (const [i, { name, measure }] of running.entries()) {
      report.progress(`${which}${rest}: ${name}`, i === 0);
      await setTimeout(SETTLE_MS);
      const one = await measure();
      if (round >= 0) measured.get(name)!.push(one);
    }
  }
  return measured;
}

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
