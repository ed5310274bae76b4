/** One of the implementations that a benchmark compares: a process of its own, which shares no memory, threads or caches. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { providePython, type PythonPackages } from '../src/native/python.js';
import { trainerEnvironment } from '../src/native/setup.js';
import { readSettings } from '../src/settings.js';
import type { Report } from './report.js';
import { unmetRequirement } from './requirements.js';

export interface Candidate {
  readonly name: string;
  readonly program: Program;
  /** What the program is to prepare: the first line that it reads. */
  readonly open: object;
}

/** A program answers each line of JSON with one: the first with what it prepared, every other with one measurement. */
type Program =
  /** A compiled module, relative to this one. */
  | { readonly module: string }
  /** A script in bench/programs/. */
  | {
      readonly script: string;
      readonly packages: PythonPackages;
      /** Leaves PyTorch with glibc's own memory settings. */
      readonly glibcDefaults?: boolean;
    };

/**
 * By default glibc's malloc returns large blocks to the system as soon as they are freed, and PyTorch spends half of a training
 * step on getting a gigabyte back page by page. TensorFlow keeps its memory; with these, so does PyTorch.
 */
const KEEP_MEMORY = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: String(2 ** 40) } as const;

/** The answer of every program to a request for one measurement. */
export interface Measurement {
  readonly ms: number;
  /** The largest resident size since the process started. */
  readonly peakMiB: number;
}

/** The root of the sources; the build lies in dist-bench/bench/. */
export const ROOT = new URL('../../', import.meta.url);

export interface Running<M extends Measurement = Measurement> {
  readonly name: string;
  readonly measure: () => Promise<M>;
  /** Resolves when the process has ended and its memory is free. */
  readonly end: () => Promise<void>;
}

/** A candidate that cannot run on this machine. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export const isRunning = <M extends Measurement>(started: Running<M> | Skipped): started is Running<M> =>
  'measure' in started;

/** Starts a candidate and waits until it has prepared. The report gets the versions that it names. */
export async function start<M extends Measurement = Measurement>(
  { name, program, open }: Candidate,
  report: Report,
): Promise<Running<M> | Skipped> {
  const skip = (reason: string): Skipped => {
    report.say(`${name} is skipped: ${reason}`);
    return { name, reason };
  };
  const unmet = unmetRequirement(name);
  if (unmet !== null) return skip(unmet);
  report.progress(`${name} starts`);
  const { ask, end } = await spawnProgram(name, program);
  try {
    const about = await ask<Record<string, string>>(open);
    if (about.unsupported !== undefined) {
      await end();
      return skip(about.unsupported);
    }
    const versions = Object.entries(about).map(([library, version]) => `${library} ${version}`);
    report.say(`${name}: ${versions.join(', ')}`);
  } catch (error) {
    await end();
    throw error;
  }
  return { name, end, measure: () => ask<M>({ do: 'run' }) };
}

/** Starts a candidate for a single measurement. */
export async function measureOnce<M extends Measurement = Measurement>(
  candidate: Candidate,
  report: Report,
): Promise<M> {
  const started = await start<M>(candidate, report);
  if (!isRunning(started)) throw new Error(`${started.name} cannot run: ${started.reason}`);
  try {
    report.progress(`${started.name} runs`);
    return await started.measure();
  } finally {
    await started.end();
  }
}

interface Conversation {
  readonly ask: <T>(request: object) => Promise<T>;
  readonly end: () => Promise<void>;
}

async function spawnProgram(name: string, program: Program): Promise<Conversation> {
  const [command, ...args] = await commandOf(program);
  const child = spawn(command, args, { env: environmentOf(program), stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  child.stdin.on('error', () => undefined); // a process that has ended gives no answer, which is noticed below
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    ask: async <T>(request: object) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ended before it answered`);
      return JSON.parse(line.value) as T; // written by the programs in bench/programs/
    },
    end: async () => {
      child.stdin.end();
      child.kill(); // a Python program does not notice the end of its input while it computes
      await closed;
    },
  };
}

async function commandOf(program: Program): Promise<[string, ...string[]]> {
  if ('module' in program) return [process.execPath, fileURLToPath(new URL(program.module, import.meta.url))];
  const { cacheFolder } = readSettings();
  const python = await providePython({ cacheFolder, packages: program.packages });
  return [python, fileURLToPath(new URL(`bench/programs/${program.script}`, ROOT))];
}

/** Node programs run as the product's own TensorFlow processes do; nothing uses a GPU. */
export const environmentOf = (program: Program, env = process.env): NodeJS.ProcessEnv => ({
  ...env,
  ...('module' in program ? trainerEnvironment(readSettings(), env) : pythonEnvironment(program)),
  CUDA_VISIBLE_DEVICES: '-1',
});

const pythonEnvironment = ({
  packages,
  glibcDefaults = false,
}: Exclude<Program, { module: string }>): NodeJS.ProcessEnv => ({
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONWARNINGS: 'ignore',
  ...(packages === 'heavy' && !glibcDefaults ? KEEP_MEMORY : {}),
});
