import type { RunConfig, Training } from '../config/run.js';
import { errors } from '../errors/index.js';
import type { Role } from '../formats/stage-io.js';

type TrainingPath = `hparams.${keyof Training['hparams']}` | 'num_epochs' | 'image_size';
export type ConfigPath =
  | `${Role}.${TrainingPath}`
  | 'distillation.use_offline_kd'
  | 'distillation.soft_cls_loss'
  | 'distillation.soft_box_loss'
  | 'data.do_data_cleaning';

type Range = readonly [low: number, high: number];

/** What advice may change, and how far. Never the evaluation split, the classes or the seed: they make rounds comparable. */
const TRAINING_RANGES = {
  'hparams.learning_rate': [0.01, 0.16],
  'hparams.lr_warmup_epoch': [0.5, 5],
  'hparams.label_smoothing': [0, 0.15],
  'hparams.box_loss_weight': [20, 150],
  'hparams.gamma': [1, 2.5],
  'hparams.alpha': [0.2, 0.5],
  'hparams.jitter_min': [0.1, 0.8],
  'hparams.jitter_max': [1.2, 2],
  'hparams.clip_gradients_norm': [1, 10],
  num_epochs: [1, 1000],
  /** Each side in pixels. */
  image_size: [64, 1536],
} as const satisfies Partial<Record<TrainingPath, Range>>;
export type TunableTraining = keyof typeof TRAINING_RANGES;

const OTHER_RANGES = {
  'distillation.soft_cls_loss': [0.25, 8],
  'distillation.soft_box_loss': [25, 400],
} as const satisfies Partial<Record<ConfigPath, Range>>;
type TunableOther = keyof typeof OTHER_RANGES;

const SWITCHES: readonly string[] = ['distillation.use_offline_kd', 'data.do_data_cleaning'];

const RANGES: Readonly<Record<string, Range>> = {
  ...OTHER_RANGES,
  ...Object.fromEntries(
    Object.entries(TRAINING_RANGES).flatMap(([path, range]) => [
      [`student.${path}`, range],
      [`teacher.${path}`, range],
    ]),
  ),
};

/** A change of a number, kept in its range; none where the range allows no step in the wanted direction. */
export function change(
  config: RunConfig,
  path: `${Role}.${Exclude<TunableTraining, 'image_size'>}` | TunableOther,
  wanted: number,
): Readonly<Partial<Record<ConfigPath, number>>> {
  const current = valueAt(config, path);
  const [low, high] = RANGES[path]!;
  const value = roundTo3(Math.min(high, Math.max(low, wanted)));
  const isStep = typeof current === 'number' && Math.sign(value - current) === Math.sign(wanted - current);
  return isStep && value !== current ? { [path]: value } : {};
}

/** Three digits: a suggestion is no measurement. */
const roundTo3 = (value: number): number => Number(value.toPrecision(3));

export function valueAt(config: RunConfig, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), config);
}

/** A copy with one value replaced; refuses what advice may not change. */
export function withValue(config: RunConfig, path: string, value: unknown): unknown {
  const keys = path.split('.');
  const isKnown = path in RANGES || SWITCHES.includes(path);
  if (!isKnown || valueAt(config, path) === undefined)
    throw errors.suggestionUnusable(path, [...Object.keys(RANGES), ...SWITCHES]);
  const replace = (node: unknown, [key, ...rest]: readonly string[]): unknown =>
    key === undefined || !isRecord(node) ? value : { ...node, [key]: replace(node[key], rest) };
  return replace(config, keys);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The next input size of the family's scale: 128 pixels more, for small inputs a quarter; multiples of 32. */
export function nextImageSize([height, width]: readonly [number, number]): [number, number] {
  const [, high] = TRAINING_RANGES.image_size;
  const next = (side: number): number =>
    Math.min(high, side >= 512 ? side + 128 : Math.ceil((side * 1.25) / 32) * 32);
  return [next(height), next(width)];
}
