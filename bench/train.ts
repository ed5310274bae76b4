/**
 * Training on CPUs: one step (forward, losses, gradients, clipping, momentum) against PyTorch effdet in its ways, on a batch
 * that lies in memory on both sides; recording; peak memory.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '../src/config/families.js';
import { physicalCores } from '../src/detection/onnxruntime.js';
import { runCommand } from '../src/native/command.js';
import {
  alternate,
  type Contestant,
  milliseconds,
  type Peer,
  ratioOf,
  type Row,
  spreadOf,
  startPeer,
  tableLine,
} from './harness.js';
import { boxesAt, type Case, CLASSES, inFolder, record, sizeOf, type Trainee, trainee } from './trainee.js';

type Say = (line: string) => void;

const AGAINST_EFFDET: readonly Case[] = [
  { model: 'efficientdet-d0', batch: 4 },
  { model: 'efficientdet-d0', batch: 8 },
  { model: 'efficientdet-d2', batch: 2 },
];
/** effdet has no such models: against D0's step. */
const TINY: readonly ModelName[] = ['efficientdet-t0', 'efficientdet-t1', 'efficientdet-t2'];
const TINY_BATCH = 4;
const RECORDED: readonly ModelName[] = ['efficientdet-d0', 'efficientdet-d2', 'efficientdet-d6', ...TINY];
const PEERS = ['effdet-fp32', 'effdet-channels-last', 'effdet-bf16'] as const;
const COMPILED = 'effdet-compile';
const OURS = 'detdistill';
const WARM_UP = 2;
const ROUNDS = 9;

interface Wanted {
  /** Names of models; none: all. */
  readonly models: readonly string[];
  /** torch.compile, too: minutes of compiling. */
  readonly withCompile: boolean;
}

const wants = ({ models }: Wanted, model: ModelName): boolean =>
  models.length === 0 || models.includes(model);

interface Stepped {
  readonly ms: number;
  readonly loss: number;
  readonly peak_mib: number;
}

async function peerOf(one: Case, say: Say): Promise<Peer> {
  const peer = await startPeer(fileURLToPath(new URL('effdet_train_peer.py', import.meta.url)), 'heavy', []);
  const { model, batch } = one;
  const size = sizeOf(one);
  const open = { do: 'open', model, classes: CLASSES, size, batch, threads: physicalCores(), boxes: boxesAt(size) }; // prettier-ignore
  say(`effdet 0.4.1: ${JSON.stringify(await peer.ask(open))}`);
  return peer;
}

const contestant = (name: string, { step }: Trainee): Contestant => ({
  name,
  measure: () => milliseconds(step),
});

function rowOf(
  { model, batch }: Case,
  times: ReadonlyMap<string, readonly number[]>,
  { ours, theirs, peer, say }: { ours: string; theirs: string; peer: string; say: Say },
): Row {
  const [mine, others] = [times.get(ours)!, times.get(theirs)!];
  say(tableLine(`${model}, batch ${batch}`, { ours: mine, theirs: others, peer }));
  const medians = { ours: spreadOf(mine).median, theirs: spreadOf(others).median };
  const size = sizeOf({ model, batch });
  return { model, batch, size, precision: 'fp32', peer, ...medians, ratio: ratioOf(mine, others).median };
}

async function againstEffdet(one: Case, { withCompile }: Wanted, say: Say): Promise<Row[]> {
  const peers = withCompile ? [...PEERS, COMPILED] : PEERS;
  return inFolder(async folder => {
    const peer = await peerOf(one, say);
    try {
      const others = peers.map(what => ({
        name: what,
        measure: async () => (await peer.ask<Stepped>({ do: 'step', what })).ms,
      }));
      const times = await alternate([contestant(OURS, await trainee(one, folder)), ...others], {
        warmUp: WARM_UP,
        rounds: ROUNDS,
      });
      return peers.map(name => rowOf(one, times, { ours: OURS, theirs: name, peer: name, say }));
    } finally {
      peer.end();
    }
  });
}

async function tinyAgainstD0(models: readonly ModelName[], say: Say): Promise<Row[]> {
  return inFolder(async folder => {
    const d0: ModelName = 'efficientdet-d0';
    const contestants: Contestant[] = [];
    for (const model of [d0, ...models])
      contestants.push(contestant(model, await trainee({ model, batch: TINY_BATCH }, join(folder, model))));
    const times = await alternate(contestants, { warmUp: WARM_UP, rounds: ROUNDS });
    return models.map(model =>
      rowOf({ model, batch: TINY_BATCH }, times, { ours: model, theirs: d0, peer: d0, say }),
    );
  });
}

export async function benchTrainStep(say: Say, wanted: Wanted): Promise<Row[]> {
  const rows: Row[] = [];
  for (const one of AGAINST_EFFDET)
    if (wants(wanted, one.model)) rows.push(...(await againstEffdet(one, wanted, say)));
  const tiny = TINY.filter(model => wants(wanted, model));
  if (tiny.length > 0) rows.push(...(await tinyAgainstD0(tiny, say)));
  return rows;
}

/** A row of something that nobody else does. */
const alone = (row: Pick<Row, 'model' | 'batch' | 'size' | 'precision' | 'ours'>): Row => ({
  ...row,
  peer: '',
  theirs: 0,
  ratio: 0,
});

/** Time and size of the recorded training programs. */
export async function benchRecord(say: Say, wanted: Wanted): Promise<Row[]> {
  return inFolder(async folder => {
    const rows: Row[] = [];
    await record({ model: 'efficientdet-t0', batch: 1 }, join(folder, 'warm-up'));
    for (const model of RECORDED.filter(name => wants(wanted, name))) {
      const one = { model, batch: 8 };
      const rounds = [];
      for (let round = 0; round < 3; round++) rounds.push(await record(one, join(folder, model)));
      const { bytes, nodes } = rounds[0]!;
      const { median } = spreadOf(rounds.map(({ ms }) => ms));
      say(`${model.padEnd(18)} ${median.toFixed(0).padStart(6)} ms ${(bytes / 1e6).toFixed(1).padStart(6)} MB ${nodes} nodes`); // prettier-ignore
      const about = { batch: one.batch, size: sizeOf(one), precision: 'fp32' };
      rows.push(alone({ ...about, model: `${model}, record, ms`, ours: median }));
      rows.push(alone({ ...about, model: `${model}, graph, MB`, ours: bytes / 1e6 }));
    }
    return rows;
  });
}

const MEMORY_STEPS = 3;

interface Peak {
  /** From the start of the process to the end of its first step. */
  readonly firstStepMs: number;
  readonly peakMiB: number;
}

/** Peak memory of processes that do nothing but train, and how long ours takes to its first step. */
export async function benchMemory(say: Say, wanted: Wanted): Promise<Row[]> {
  const rows: Row[] = [];
  for (const one of AGAINST_EFFDET.filter(({ model }) => wants(wanted, model))) {
    const args = [fileURLToPath(import.meta.url), '--train', one.model, String(one.batch)];
    const ours = JSON.parse(await runCommand(process.execPath, [...process.execArgv, ...args])) as Peak; // printed below
    const about = { model: one.model, batch: one.batch, size: sizeOf(one), precision: 'fp32' };
    say(`${one.model}, batch ${one.batch}: first step after ${(ours.firstStepMs / 1000).toFixed(1)} s`);
    rows.push(alone({ ...about, model: `${one.model}, first step, ms`, ours: ours.firstStepMs }));
    for (const what of PEERS) {
      const peer = await peerOf(one, () => undefined);
      let theirs = 0;
      try {
        for (let step = 0; step < MEMORY_STEPS; step++)
          theirs = (await peer.ask<Stepped>({ do: 'step', what })).peak_mib;
      } finally {
        peer.end();
      }
      const ratio = ours.peakMiB / theirs;
      say(
        `  peak ${ours.peakMiB.toFixed(0)} MiB, ${what} ${theirs.toFixed(0)} MiB, ratio ${ratio.toFixed(3)}`,
      );
      rows.push({
        ...about,
        model: `${one.model}, peak, MiB`,
        peer: what,
        ours: ours.peakMiB,
        theirs,
        ratio,
      });
    }
  }
  return rows;
}

async function trainAlone(one: Case): Promise<Peak> {
  return inFolder(async folder => {
    const { step } = await trainee(one, folder);
    await step();
    const firstStepMs = performance.now();
    for (let i = 1; i < MEMORY_STEPS; i++) await step();
    return { firstStepMs, peakMiB: process.resourceUsage().maxRSS / 1024 };
  });
}

// In a process of its own, so that its peak memory is its own.
const [flag, model, batch] = process.argv.slice(2);
if (flag === '--train')
  console.log(JSON.stringify(await trainAlone({ model: model as ModelName, batch: Number(batch) })));
