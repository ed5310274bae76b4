import { weightOf } from '../config/distillation.js';
import type { RunConfig, SoftWeights, Training } from '../config/run.js';
import type { Role } from '../formats/train-io.js';

type TrainingPath =
  | `hparams.${keyof Training['hparams']}`
  | `hparams.nms_configs.${keyof Training['hparams']['nms_configs']}`
  | 'num_epochs'
  | 'image_size';
export type ConfigPath =
  | `${Role}.${TrainingPath}`
  | 'distillation.use_offline_kd'
  | 'distillation.soft_cls_loss'
  | 'distillation.soft_box_loss'
  | 'data.do_data_cleaning';

type SoftWeightName = keyof SoftWeights;
type Range = readonly [low: number, high: number];

/** The keys that advice may change, and their limits. The evaluation split, the classes and the seed stay: runs remain comparable. */
const TRAINING_RANGES = {
  'hparams.learning_rate': [0.01, 0.16],
  'hparams.lr_warmup_epoch': [0.5, 5],
  'hparams.label_smoothing': [0, 0.15],
  'hparams.box_loss_weight': [20, 150],
  'hparams.iou_loss_weight': [0.5, 4],
  'hparams.nms_configs.iou_thresh': [0.3, 0.8],
  'hparams.gamma': [1, 2.5],
  'hparams.alpha': [0.2, 0.5],
  'hparams.jitter_min': [0.1, 0.8],
  'hparams.jitter_max': [1.2, 2],
  'hparams.clip_gradients_norm': [1, 10],
  num_epochs: [1, 1000],
  /** Pixels per side. */
  image_size: [64, 1536],
} as const satisfies Partial<Record<TrainingPath, Range>>;
export type TunableTraining = keyof typeof TRAINING_RANGES;

const OTHER_RANGES = {
  'distillation.soft_cls_loss': [0.25, 8],
  'distillation.soft_box_loss': [25, 400],
} as const satisfies Partial<Record<ConfigPath, Range>>;
type TunableOther = keyof typeof OTHER_RANGES;

const RANGES: Readonly<Record<string, Range>> = {
  ...OTHER_RANGES,
  ...Object.fromEntries(
    Object.entries(TRAINING_RANGES).flatMap(([path, range]) => [
      [`student.${path}`, range],
      [`teacher.${path}`, range],
    ]),
  ),
};

/** A patch that sets a number within its range; empty where the range allows no step in the wanted direction. */
export function change(
  config: RunConfig,
  path: `${Role}.${Exclude<TunableTraining, 'image_size'>}` | TunableOther,
  wanted: number,
): Readonly<Partial<Record<ConfigPath, number>>> {
  const given = valueAt(config, path);
  // Only weights of distillation can be automatic. They then start from a number.
  const current =
    given === 'auto' ? weightOf(config.distillation, path.split('.').at(-1) as SoftWeightName) : given;
  const [low, high] = RANGES[path]!;
  const value = roundTo3(Math.min(high, Math.max(low, wanted)));
  const isStep = typeof current === 'number' && Math.sign(value - current) === Math.sign(wanted - current);
  return isStep && value !== current ? { [path]: value } : {};
}

/** Three significant digits: a suggestion is not a measurement. */
const roundTo3 = (value: number): number => Number(value.toPrecision(3));

function valueAt(config: RunConfig, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), config);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The next larger input size, [height, width], in multiples of 32: 128 pixels more per side, or a quarter for small inputs. */
export function nextImageSize([height, width]: readonly [number, number]): [number, number] {
  const [, high] = TRAINING_RANGES.image_size;
  const next = (side: number): number =>
    Math.min(high, side >= 512 ? side + 128 : Math.ceil((side * 1.25) / 32) * 32);
  return [next(height), next(width)];
}
