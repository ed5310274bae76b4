/** Interleaved measurements: the candidates take turns in every round, so that a slow minute of the machine slows all of them. */
import { setTimeout } from 'node:timers/promises';
import { formatDuration } from '../src/cli/format.js';
import {
  type Candidate,
  isRunning,
  type Measurement,
  type Running,
  type Skipped,
  start,
} from './candidate.js';
import type { Report } from './report.js';

export interface RoundsOptions {
  readonly report: Report;
  readonly warmUp: number;
  readonly rounds: number;
  /** No further round begins after this time, except for the first three. */
  readonly seconds: number;
}

/** The results of each candidate, one a round, by its name. */
export type Rounds<T> = ReadonlyMap<string, readonly T[]>;
export interface Outcome<T> {
  readonly rounds: Rounds<T>;
  readonly skipped: readonly Skipped[];
}

/** The idle threads of a library spin for a while after its answer: a pause lets them fall asleep. */
const SETTLE_MS = 150;
const LEAST_ROUNDS = 3;

/** Measures all candidates in every round. No round takes place where fewer than two of several can run. */
export async function measureRounds<M extends Measurement = Measurement>(
  candidates: readonly Candidate[],
  options: RoundsOptions,
): Promise<Outcome<M>> {
  const outcomes = await Promise.allSettled(candidates.map(one => start<M>(one, options.report)));
  const started = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const running = started.filter(isRunning);
  const skipped = started.filter((one): one is Skipped => !isRunning(one));
  try {
    const failed = outcomes.find(outcome => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    const isComparison = skipped.length === 0 || running.length > 1;
    return { rounds: isComparison ? await takeTurns(running, options) : new Map<string, M[]>(), skipped };
  } finally {
    await Promise.all(running.map(({ end }) => end()));
  }
}

/** The same for candidates of which only the milliseconds count. */
export async function timeRounds(
  candidates: readonly Candidate[],
  options: RoundsOptions,
): Promise<Outcome<number>> {
  const { rounds, skipped } = await measureRounds(candidates, options);
  return { rounds: new Map([...rounds].map(([name, all]) => [name, all.map(({ ms }) => ms)])), skipped };
}

async function takeTurns<M extends Measurement>(
  running: readonly Running<M>[],
  options: RoundsOptions,
): Promise<Map<string, M[]>> {
  const { report, warmUp, rounds, seconds: limit } = options;
  const turns = running.map(one => ({ ...one, results: [] as M[] }));
  const started = performance.now();
  for (let round = -warmUp; round < rounds; round++) {
    const seconds = (performance.now() - started) / 1000;
    if (round >= LEAST_ROUNDS && seconds > limit) break;
    const stage =
      round < 0 ? `warm-up ${round + warmUp + 1} of ${warmUp}` : `round ${round + 1} of ${rounds}`;
    for (const [i, { name, measure, results }] of turns.entries()) {
      // The first steps may be slow: without a terminal, too, it is shown whose turn it is.
      report.progress(`${stage}${timeLeft(round + warmUp, seconds, options)}: ${name}`, round < 0 || i === 0);
      await setTimeout(SETTLE_MS);
      const result = await measure();
      if (round >= 0) results.push(result);
    }
  }
  return new Map(turns.map(({ name, results }) => [name, results]));
}

/** An estimate from the rounds so far. */
function timeLeft(done: number, seconds: number, { warmUp, rounds, seconds: limit }: RoundsOptions): string {
  if (done === 0) return '';
  const ofRounds = (count: number): number => (seconds / done) * (count + warmUp);
  const total = Math.max(Math.min(limit, ofRounds(rounds)), ofRounds(LEAST_ROUNDS));
  return `, ${formatDuration(total - seconds)} left`;
}

/** Two candidates of the same rounds, as a row compares them. */
export function pairOf<T>(
  rounds: Rounds<T>,
  ours: string,
  peer: string,
): { ours: readonly T[]; peer: string; theirs: readonly T[] } {
  const resultsOf = (name: string): readonly T[] => {
    const results = rounds.get(name);
    if (!results) throw new Error(`${name} was not measured`);
    return results;
  };
  return { ours: resultsOf(ours), peer, theirs: resultsOf(peer) };
}
