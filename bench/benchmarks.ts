import { Argument, InvalidArgumentError, Option } from 'commander';
import { MODEL_NAMES, type ModelName } from '../src/config/families.js';
import type { PartName } from '../src/native/parts.js';
import type { CleaningOptions } from './cleaning.js';
import type { IndexOptions } from './coco-index.js';
import type { MetricsOptions } from './coco-metrics.js';
import type { DistilOptions } from './distil.js';
import type { InputOptions } from './input.js';
import { COMPARED, type ModelSelection, RECORDED, STEPPED, TEACHERS } from './models.js';
import type { OverheadOptions } from './overhead.js';
import type { PredictOptions, TimeLimit } from './predict.js';
import type { Report } from './report.js';
import type { Row } from './row.js';
import type { ServeOptions } from './serve.js';
import type { StoreOptions } from './store.js';
import type { TrainStepOptions } from './train-step.js';

/** Values from the command line, each under the name of its argument or option. */
type Values = Readonly<Record<string, unknown>>;

export interface Benchmark {
  readonly summary: string;
  readonly args: readonly Argument[];
  readonly options?: readonly Option[];
  /** Native parts that must be on the machine; Python environments are made when Python is started. */
  readonly parts: readonly PartName[];
  /** The arguments with which `all` runs it, to keep it short. */
  readonly argsInAll?: readonly string[];
  /** Imports its module only when it is called, so that no benchmark carries another's memory. */
  readonly run: (report: Report, values: Values) => Promise<readonly Row[]>;
}

/** A row of the table. @typeParam V the values that commander makes of these arguments and options */
const benchmark = <V>(
  row: Omit<Benchmark, 'run'> & { run: (report: Report, values: V) => Promise<readonly Row[]> },
): Benchmark => row as Benchmark;

const models = (allowed: readonly ModelName[]): Argument =>
  new Argument('[models...]', 'names of models; without any, all').choices(allowed).default([]);

const seconds = (): Option =>
  new Option('--seconds <n>', 'time limit of each comparison, in which at least three rounds are measured')
    .default(150)
    .argParser(positive);
const glibcDefaults = (): Option =>
  new Option(
    '--glibc-defaults',
    'run PyTorch with the default memory settings of glibc, which slow it down',
  ).default(false);
const SHORT = ['--seconds', '45'];

const count = (name: string, text: string, value: number): Argument =>
  new Argument(`[${name}]`, text).default(value).argParser(positive);

function positive(written: string): number {
  if (/^[1-9]\d{0,9}$/.test(written)) return Number(written);
  throw new InvalidArgumentError('Allowed: a whole number from 1 on.');
}

/** Every benchmark, in the order in which `all` runs them. */
export const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  predict: benchmark({
    summary: 'prediction with D0 on the CPU, compared with effdet, onnxruntime on its export, and TensorFlow',
    args: [],
    options: [glibcDefaults(), seconds()],
    parts: ['tfjs-addon'],
    argsInAll: SHORT,
    run: async (report, options: PredictOptions) =>
      (await import('./predict.js')).benchPredict(report, options),
  }),
  tiny: benchmark({
    summary: 'prediction with T0, T1 and T2, compared with D0',
    args: [],
    options: [seconds()],
    parts: ['tfjs-addon'],
    argsInAll: SHORT,
    run: async (report, options: TimeLimit) => (await import('./predict.js')).benchTiny(report, options),
  }),
  'train-step': benchmark({
    summary: 'a training step, compared with effdet; T0 to T2 compared with D0',
    args: [models(STEPPED)],
    options: [
      new Option('--compile', 'also compare with torch.compile, which takes minutes to compile').default(
        false,
      ),
      glibcDefaults(),
      seconds(),
    ],
    parts: ['tfjs-addon'],
    argsInAll: SHORT,
    run: async (report, options: TrainStepOptions) =>
      (await import('./train-step.js')).benchTrainStep(report, options),
  }),
  record: benchmark({
    summary: 'time to record training programs, and their size',
    args: [models(RECORDED)],
    parts: ['tfjs-addon'],
    run: async (report, options: ModelSelection) =>
      (await import('./record.js')).benchRecord(report, options),
  }),
  memory: benchmark({
    summary: 'peak memory of training, compared with effdet, and time to the first step',
    args: [models(COMPARED)],
    parts: ['tfjs-addon'],
    argsInAll: ['efficientdet-d0'],
    run: async (report, options: ModelSelection) =>
      (await import('./memory.js')).benchMemory(report, options),
  }),
  distil: benchmark({
    summary: 'a training step with a frozen teacher, compared with the same step without one',
    args: [models(TEACHERS)],
    options: [seconds()],
    parts: ['tfjs-addon'],
    argsInAll: SHORT,
    run: async (report, options: DistilOptions) => (await import('./distil.js')).benchDistil(report, options),
  }),
  input: benchmark({
    summary: 'from JPEG files to batches, compared with DataLoader of PyTorch; how long a training waits',
    args: [count('images', 'number of photographs', 200)],
    options: [glibcDefaults(), seconds()],
    parts: ['tfjs-addon', 'demo-images'],
    argsInAll: SHORT,
    run: async (report, options: InputOptions) => (await import('./input.js')).benchInput(report, options),
  }),
  overhead: benchmark({
    summary: 'a small run through Temporal, compared with the same stages without it',
    args: [
      count('epochs', 'number of training epochs, 31 steps each', 6),
      count('rounds', 'number of rounds', 3),
    ],
    parts: ['tfjs-addon', 'temporal', 'demo-images'],
    argsInAll: ['4', '1'],
    run: async (report, options: OverheadOptions) =>
      (await import('./overhead.js')).benchOverhead(report, options),
  }),
  evaluate: benchmark({
    summary: 'COCO metrics, compared with pycocotools',
    args: [
      count('images', 'number of images', 5_000),
      count('boxes', 'number of labelled boxes', 36_000),
      count('detections', 'number of predicted boxes', 500_000),
    ],
    parts: [],
    run: async (report, options: MetricsOptions) =>
      (await import('./coco-metrics.js')).benchMetrics(report, options),
  }),
  store: benchmark({
    summary: 'commit to and open from a local store, compared with a plain copy',
    args: [
      count('megabytes', 'size of the large file in MiB', 256),
      count('files', 'number of small files', 1_000),
    ],
    parts: [],
    run: async (report, options: StoreOptions) => (await import('./store.js')).benchStore(report, options),
  }),
  'coco-index': benchmark({
    summary: 'reading the index of a data set as large as COCO',
    args: [count('images', 'number of images', 118_287), count('boxes', 'number of labelled boxes', 860_001)],
    parts: [],
    run: async (report, options: IndexOptions) =>
      (await import('./coco-index.js')).benchCocoIndex(report, options),
  }),
  cleaning: benchmark({
    summary: 'cleaning photographs with every rule switched on',
    args: [
      count('images', 'number of photographs', 10_000),
      new Argument('[from]', 'a folder with photographs; without it, those of the demo'),
    ],
    parts: ['demo-images'],
    argsInAll: ['2000'],
    run: async (report, options: CleaningOptions) =>
      (await import('./cleaning.js')).benchCleaning(report, options),
  }),
  serve: benchmark({
    summary: 'serving over HTTP, compared with FastAPI and Python TensorFlow',
    args: [
      new Argument('[model]', 'name of a model').choices(MODEL_NAMES).default('efficientdet-d0'),
      count('seconds', 'length of each round in seconds', 10),
      count('rounds', 'number of rounds', 3),
    ],
    parts: ['tfjs-addon'],
    argsInAll: ['efficientdet-d0', '5', '2'],
    run: async (report, options: ServeOptions) => (await import('./serve.js')).benchServe(report, options),
  }),
};
