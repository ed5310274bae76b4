import { spawn } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { physicalCores } from '../src/detection/onnxruntime.js';
import { providePython, type PythonPackages } from '../src/native/python.js';
import { readSettings } from '../src/settings.js';

/** Something that is timed: does the work once and gives how long it took. */
export interface Contestant {
  readonly name: string;
  /** Milliseconds. */
  readonly measure: () => Promise<number>;
}

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One comparison; what the JSON line holds. */
export interface Row {
  readonly model: string;
  readonly batch: number;
  readonly size: number;
  readonly precision: string;
  readonly peer: string;
  /** Milliseconds, medians. */
  readonly ours: number;
  readonly theirs: number;
  /** The median of the rounds' ours / theirs: both of a round ran one after the other. */
  readonly ratio: number;
}

/** Threads of a library look out for more work after it has answered: long enough for them to sleep. */
const SETTLE_MS = 150;

/** Milliseconds of each contestant in each round: A B C, A B C, … so that what slows the machine slows all. */
export async function alternate(
  contestants: readonly Contestant[],
  { warmUp, rounds }: { warmUp: number; rounds: number },
): Promise<Map<string, number[]>> {
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = -warmUp; round < rounds; round++)
    for (const { name, measure } of contestants) {
      await setTimeout(SETTLE_MS);
      const time = await measure();
      if (round >= 0) times.get(name)!.push(time);
    }
  return times;
}

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** Of each round. */
export const ratioOf = (ours: readonly number[], theirs: readonly number[]): Spread =>
  spreadOf(ours.map((time, round) => time / theirs[round]!));

const text = ({ median, low, high }: Spread, digits: number): string =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;

/** A line of the table: medians with the middle half of the rounds. */
export const tableLine = (
  name: string,
  { ours, theirs, peer }: { ours: readonly number[]; theirs: readonly number[]; peer: string },
): string =>
  [
    name.padEnd(34),
    text(spreadOf(ours), 1).padStart(20),
    'ms',
    peer.padEnd(22),
    text(spreadOf(theirs), 1).padStart(20),
    'ms   ratio',
    text(ratioOf(ours, theirs), 3),
  ].join(' ');

export const machine = (): string =>
  `${physicalCores()} cores (${availableParallelism()} processors) of ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;

/** The last line on stdout, for programs. */
export const jsonLine = (name: string, rows: readonly Row[]): string =>
  JSON.stringify({ name, machine: machine(), rows });

/** A Python process that answers each line with a line of JSON. */
export interface Peer {
  readonly ask: <T>(request: object) => Promise<T>;
  readonly end: () => void;
}

/** Starts a script in an environment of the cache, which is made when it is missing. What it says goes to stderr. */
export async function startPeer(
  script: string,
  packages: PythonPackages,
  args: readonly string[],
): Promise<Peer> {
  const python = await providePython({ cacheFolder: readSettings().cacheFolder, packages });
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '-1' };
  const child = spawn(python, [script, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    ask: async <T>(request: object) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`${script} ended`);
      return JSON.parse(line.value) as T; // the scripts in bench/ answer so
    },
    end: () => void child.kill(),
  };
}
