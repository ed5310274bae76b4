/**
 * Training on CPUs: one step (forward, losses, gradients, clipping, momentum) against PyTorch effdet in its ways, on a batch
 * that lies in memory on both sides; recording; peak memory.
 */
import { join } from 'node:path';
import { familyOf, type ModelName } from '../src/config/families.js';
import { physicalCores } from '../src/inference/onnxruntime.js';
import { type Contestant, KEEP_MEMORY, type Measured, race, type RaceOptions, start } from './contestants.js';
import type { Precision } from '../src/graph/graph.js';
import { resolvePrecision, thisHardware } from '../src/training/precision.js';
import { inFolder } from './folder.js';
import type { Report } from './report.js';
import { against, alone, type Row } from './row.js';
import { RECORDED, TINY } from './trained.js';
import { boxesAt, type Case, CLASSES, record, sizeOf } from './trainee.js';

/** Where all of effdet's ways and ours fit into 20 GB, they take turns together; else each way with ours. */
const AGAINST_EFFDET: readonly (Case & { readonly together: boolean })[] = [
  { model: 'efficientdet-d0', batch: 4, together: true },
  { model: 'efficientdet-d0', batch: 8, together: false },
  { model: 'efficientdet-d2', batch: 2, together: false },
];
const TINY_BATCH = 4;
const WAYS = ['effdet-fp32', 'effdet-channels-last', 'effdet-bf16'] as const;
const COMPILED = 'effdet-compile';
const OURS = 'detdistill';
const WARM_UP = 2;
const ROUNDS = 9;

export interface Wanted {
  /** Names of models; none: all. */
  readonly models: readonly string[];
}
export interface StepsWanted extends Wanted {
  /** torch.compile, too: minutes of compiling. */
  readonly compile: boolean;
  /** effdet with memory that it keeps. */
  readonly keepMemory: boolean;
  /** Of each comparison, at most, but for three rounds. */
  readonly seconds: number;
}

const wants = ({ models }: Wanted, model: ModelName): boolean =>
  models.length === 0 || models.includes(model);

export const trainer = (name: string, one: Case): Contestant => ({
  name,
  program: { module: './programs/train-step.js' },
  open: one,
});

/** Of the backbone, as ours: google/automl drops .2, but nothing in the backbone called b0; effdet's own are .2 for all. */
const dropPathRate = (model: ModelName): number => (familyOf(model).backbone === 'efficientnet-b0' ? 0 : 0.2);

function effdet(what: string, one: Case): Contestant {
  const size = sizeOf(one);
  const open = {
    what,
    ...{ model: one.model, batch: one.batch, size, classes: CLASSES, boxes: boxesAt(size) },
    ...{ threads: physicalCores(), drop_path_rate: dropPathRate(one.model) },
  };
  return { name: what, program: { script: 'effdet_train.py', packages: 'heavy' }, open };
}

/** float32, and what this machine's runs have where that is another. */
const precisionsHere = (): Precision[] => [
  ...new Set<Precision>(['float32', resolvePrecision('auto', thisHardware)]),
];

const about = ({ model, batch }: Case) => ({ model, batch, size: sizeOf({ model, batch }) });

async function againstEffdet(
  one: Case,
  effdets: readonly Contestant[],
  options: RaceOptions,
): Promise<Row[]> {
  const ours = precisionsHere().map(precision => ({
    precision: precision === 'bfloat16' ? 'bf16' : 'fp32',
    trainer: trainer(`${OURS}, ${precision}`, { ...one, precision }),
  }));
  const times = await race([...ours.map(({ trainer }) => trainer), ...effdets], options);
  return ours.flatMap(({ precision, trainer: { name } }) =>
    effdets.map(({ name: peer }) =>
      against(
        options.report,
        { ...about(one), precision },
        { ours: times.get(name)!, peer, theirs: times.get(peer)! },
      ),
    ),
  );
}

async function tinyAgainstD0(models: readonly ModelName[], options: RaceOptions): Promise<Row[]> {
  const d0: ModelName = 'efficientdet-d0';
  const contestants = [d0, ...models].map(model => trainer(model, { model, batch: TINY_BATCH }));
  const times = await race(contestants, options);
  return models.map(model =>
    against(options.report, about({ model, batch: TINY_BATCH }), {
      ours: times.get(model)!,
      peer: d0,
      theirs: times.get(d0)!,
    }),
  );
}

export async function benchTrainStep(
  report: Report,
  { compile, keepMemory, seconds, ...wanted }: StepsWanted,
): Promise<Row[]> {
  const ways = compile ? [...WAYS, COMPILED] : WAYS;
  const options = { report, warmUp: WARM_UP, rounds: ROUNDS, seconds };
  const rows: Row[] = [];
  for (const { together, ...one } of AGAINST_EFFDET.filter(({ model }) => wants(wanted, model)))
    for (const group of together ? [ways] : ways.map(way => [way])) {
      const effdets = group.map(way => ({ ...effdet(way, one), ...(keepMemory && { env: KEEP_MEMORY }) }));
      rows.push(...(await againstEffdet(one, effdets, options)));
    }
  const tiny = TINY.filter(model => wants(wanted, model));
  if (tiny.length > 0) rows.push(...(await tinyAgainstD0(tiny, options)));
  return rows;
}

const RECORDED_BATCH = 8;
const RECORDINGS = 3;
/** One that takes so long is recorded once. */
const LONG_MS = 10_000;

/** Time and size of the recorded training programs. */
export async function benchRecord(report: Report, wanted: Wanted): Promise<Row[]> {
  return inFolder(async folder => {
    const rows: Row[] = [];
    await record({ model: 'efficientdet-t0', batch: 1 }, join(folder, 'warm-up'));
    for (const model of RECORDED.filter(name => wants(wanted, name))) {
      const one = { model, batch: RECORDED_BATCH };
      const rounds = [];
      while (rounds.length < RECORDINGS && !(rounds[0] && rounds[0].ms > LONG_MS)) {
        report.progress(`${model}: recording ${rounds.length + 1} of ${RECORDINGS}`);
        rounds.push(await record(one, join(folder, model)));
      }
      const times = rounds.map(({ ms }) => ms);
      const { bytes, nodes } = rounds[0]!;
      rows.push(
        alone(report, { ...about(one), model: `${model}, record` }, times),
        alone(report, { ...about(one), model: `${model}, graph`, unit: 'MB' }, [bytes / 1e6]),
        alone(report, { ...about(one), model: `${model}, graph`, unit: 'nodes' }, [nodes]),
      );
    }
    return rows;
  });
}

const MEMORY_STEPS = 3;

interface Life extends Measured {
  /** Milliseconds from the start of the process; of ours. */
  readonly sinceStartMs?: number;
}

/** The first step and the last of a process that does nothing but train. */
async function liveThrough(contestant: Contestant, report: Report): Promise<{ first: Life; last: Life }> {
  const { name, measure, end } = await start<Life>(contestant, report);
  try {
    const steps: Life[] = [];
    while (steps.length < MEMORY_STEPS) {
      report.progress(`${name}: step ${steps.length + 1} of ${MEMORY_STEPS}`, false);
      steps.push(await measure());
    }
    return { first: steps[0]!, last: steps.at(-1)! };
  } finally {
    await end();
  }
}

/** Peak memory of processes that do nothing but train, one after the other, and how long ours takes to its first step. */
export async function benchMemory(report: Report, wanted: Wanted): Promise<Row[]> {
  const rows: Row[] = [];
  for (const one of AGAINST_EFFDET.filter(({ model }) => wants(wanted, model))) {
    const { first, last } = await liveThrough(trainer(OURS, one), report);
    rows.push(alone(report, { ...about(one), model: `${one.model}, first step` }, [first.sinceStartMs!]));
    for (const peer of WAYS) {
      const { last: theirs } = await liveThrough(effdet(peer, one), report);
      rows.push(
        against(
          report,
          { ...about(one), model: `${one.model}, peak`, unit: 'MiB' },
          { ours: [last.peakMiB], peer, theirs: [theirs.peakMiB] },
        ),
      );
    }
  }
  return rows;
}
