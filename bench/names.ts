import { Argument, InvalidArgumentError, Option } from 'commander';
import { MODEL_NAMES, type ModelName } from '../src/config/families.js';
import type { PartName } from '../src/native/parts.js';
import type { CleaningCase } from './cleaning.js';
import type { IndexCase } from './coco-index.js';
import type { MetricsCase } from './coco-metrics.js';
import type { DistilCase } from './distil.js';
import type { InputCase } from './input.js';
import type { OverheadCase } from './overhead.js';
import type { Limit, PredictCase } from './predict.js';
import type { Report } from './report.js';
import type { Row } from './row.js';
import type { ServeCase } from './serve.js';
import type { StoreCase } from './store.js';
import type { StepsWanted, Wanted } from './train.js';
import { MEASURED, RECORDED, TEACHERS, TRAINED } from './trained.js';

/** What was written after a name, each value under its argument's or option's name. */
type Values = Readonly<Record<string, unknown>>;

interface Bench {
  readonly summary: string;
  readonly args: readonly Argument[];
  readonly options?: readonly Option[];
  /** What it needs on this machine; Python environments are made by whoever starts Python. */
  readonly parts: readonly PartName[];
  /** What `all` writes after the name, to end in time. */
  readonly brief?: readonly string[];
  /** Loads what it needs when it is called: no benchmark is to carry another's memory. */
  readonly run: (report: Report, values: Values) => Promise<readonly Row[]>;
}

/** @typeParam V what its arguments and options give, by their names */
const bench = <V>(
  row: Omit<Bench, 'run'> & { run: (report: Report, values: V) => Promise<readonly Row[]> },
): Bench => row as Bench;

const models = (allowed: readonly ModelName[]): Argument =>
  new Argument('[models...]', 'names of models; none: all').choices(allowed).default([]);

const limit = (): Option =>
  new Option('--seconds <n>', 'of each comparison, at most, but for three rounds')
    .default(150)
    .argParser(positive);
const keepMemory = (): Option =>
  new Option('--keep-memory', 'effdet with a malloc that keeps what is freed').default(false);
/** What `all` gives to those who have it. */
const BRIEFLY = ['--seconds', '45'];

const count = (name: string, text: string, value: number): Argument =>
  new Argument(`[${name}]`, text).default(value).argParser(positive);

function positive(written: string): number {
  if (/^[1-9]\d{0,9}$/.test(written)) return Number(written);
  throw new InvalidArgumentError('Allowed: a whole number from 1 on.');
}

/** Every benchmark, in the order in which `all` runs them. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  predict: bench({
    summary: 'D0 on CPUs against PyTorch effdet, onnxruntime on its export, and TensorFlow',
    args: [],
    options: [keepMemory(), limit()],
    parts: ['tfjs-addon'],
    brief: BRIEFLY,
    run: async (report, limit: PredictCase) => (await import('./predict.js')).benchPredict(report, limit),
  }),
  tiny: bench({
    summary: 'T0, T1 and T2 against D0',
    args: [],
    options: [limit()],
    parts: ['tfjs-addon'],
    brief: BRIEFLY,
    run: async (report, limit: Limit) => (await import('./predict.js')).benchTiny(report, limit),
  }),
  'train-step': bench({
    summary: 'a training step against PyTorch effdet, and T0–T2 against D0',
    args: [models(TRAINED)],
    options: [
      new Option('--compile', 'torch.compile, too: minutes of compiling').default(false),
      keepMemory(),
      limit(),
    ],
    parts: ['tfjs-addon'],
    brief: BRIEFLY,
    run: async (report, values: StepsWanted) => (await import('./train.js')).benchTrainStep(report, values),
  }),
  record: bench({
    summary: 'time and size of recording training programs',
    args: [models(RECORDED)],
    parts: ['tfjs-addon'],
    run: async (report, values: Wanted) => (await import('./train.js')).benchRecord(report, values),
  }),
  memory: bench({
    summary: 'peak memory of training against PyTorch effdet, and time to the first step',
    args: [models(MEASURED)],
    parts: ['tfjs-addon'],
    brief: ['efficientdet-d0'],
    run: async (report, values: Wanted) => (await import('./train.js')).benchMemory(report, values),
  }),
  distil: bench({
    summary: "a student's step with a frozen teacher against the plain step; names of teachers",
    args: [models(TEACHERS)],
    options: [limit()],
    parts: ['tfjs-addon'],
    brief: BRIEFLY,
    run: async (report, values: DistilCase) => (await import('./distil.js')).benchDistil(report, values),
  }),
  input: bench({
    summary:
      'JPEG files to batches against torch.utils.data.DataLoader, and how long training waits for them',
    args: [count('images', 'photographs', 200)],
    options: [limit()],
    parts: ['tfjs-addon', 'demo-images'],
    brief: BRIEFLY,
    run: async (report, values: InputCase) => (await import('./input.js')).benchInput(report, values),
  }),
  overhead: bench({
    summary: 'a small run through Temporal against the same stages without it',
    args: [count('epochs', 'of its training, 31 steps each', 6), count('rounds', 'runs of each', 3)],
    parts: ['tfjs-addon', 'temporal', 'demo-images'],
    brief: ['4', '1'],
    run: async (report, values: OverheadCase) =>
      (await import('./overhead.js')).benchOverhead(report, values),
  }),
  evaluate: bench({
    summary: 'COCO metrics against pycocotools',
    args: [
      count('images', 'images', 5_000),
      count('boxes', 'labelled boxes', 36_000),
      count('detections', 'predicted boxes', 500_000),
    ],
    parts: [],
    run: async (report, values: MetricsCase) =>
      (await import('./coco-metrics.js')).benchMetrics(report, values),
  }),
  store: bench({
    summary: 'commit and open of a local store against a plain copy',
    args: [count('megabytes', 'of the large file', 256), count('files', 'small files', 1_000)],
    parts: [],
    run: async (report, values: StoreCase) => (await import('./store.js')).benchStore(report, values),
  }),
  'coco-index': bench({
    summary: "reading the index of a data set of COCO's size",
    args: [count('images', 'images', 118_287), count('boxes', 'labelled boxes', 860_001)],
    parts: [],
    run: async (report, values: IndexCase) =>
      (await import('./coco-index.js')).benchCocoIndex(report, values),
  }),
  cleaning: bench({
    summary: 'cleaning photographs with every rule on',
    args: [count('images', 'photographs', 10_000), new Argument('[from]', 'a folder with photographs; none: those of the demo')], // prettier-ignore
    parts: ['demo-images'],
    brief: ['2000'],
    run: async (report, values: CleaningCase) =>
      (await import('./cleaning.js')).benchCleaning(report, values),
  }),
  serve: bench({
    summary: 'serving over HTTP against FastAPI with Python TensorFlow',
    args: [
      new Argument('[model]', 'name of a model').choices(MODEL_NAMES).default('efficientdet-d0'),
      count('seconds', 'of each round', 10),
      count('rounds', 'rounds', 3),
    ],
    parts: ['tfjs-addon'],
    brief: ['efficientdet-d0', '5', '2'],
    run: async (report, values: ServeCase) => (await import('./serve.js')).benchServe(report, values),
  }),
};
