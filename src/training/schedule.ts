import type { Hparams } from '../config/run.js';

export interface ScheduleOptions {
  readonly hparams: Hparams;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

type Decay = (at: {
  step: number;
  base: number;
  warmup: number;
  totalSteps: number;
  dropSteps: readonly [number, number];
}) => number;

/** A warm-up of at most this share of the steps does not matter to the cosine. */
const NEGLIGIBLE_WARMUP = 0.01;

/**
 * The progress of the cosine, from 0 to 1. google/automl counts from step 0, so that it reaches 1 before the end, by as many steps as
 * the warm-up has. In its runs of 300 epochs this does not matter; in short runs the rate would be 0 after the warm-up and rise again
 * to its full height at the end. There the progress counts from the end of the warm-up.
 */
function cosineProgress(
  step: number,
  { warmup, totalSteps }: { warmup: number; totalSteps: number },
): number {
  const isNegligible = warmup <= NEGLIGIBLE_WARMUP * totalSteps;
  return (isNegligible ? step : step - warmup) / Math.max(1, totalSteps - warmup);
}

/** google/automl `det_model_fn.py` and `train_lib.py`. */
const DECAYS: Readonly<Record<Hparams['lr_decay_method'], Decay>> = {
  cosine: ({ step, base, warmup, totalSteps }) =>
    0.5 * base * (1 + Math.cos(Math.PI * cosineProgress(step, { warmup, totalSteps }))),
  stepwise: ({ step, base, dropSteps: [first, second] }) => {
    if (step >= second) return base * 0.01;
    return step >= first ? base * 0.1 : base;
  },
  polynomial: ({ step, base, totalSteps }) => base * Math.max(0, 1 - step / totalSteps) ** 0.9,
  constant: ({ base }) => base,
};

/** The batch size that configured learning rates refer to. */
const REFERENCE_BATCH = 64;

/** The learning rate of a step: linear warm-up, then the decay. Base and initial rate are scaled by batch / 64. */
export function learningRateAt(
  step: number,
  { hparams, batchSize, stepsPerEpoch, totalSteps }: ScheduleOptions,
): number {
  const scale = batchSize / REFERENCE_BATCH;
  const base = hparams.learning_rate * scale;
  const initial = hparams.lr_warmup_init * scale;
  const warmup = Math.floor(hparams.lr_warmup_epoch * stepsPerEpoch);
  if (step < warmup) return initial + (step / warmup) * (base - initial);
  const dropSteps = [
    hparams.first_lr_drop_epoch * stepsPerEpoch,
    hparams.second_lr_drop_epoch * stepsPerEpoch,
  ] as const;
  return DECAYS[hparams.lr_decay_method]({ step, base, warmup, totalSteps, dropSteps });
}

/** The lowest weight that the cosine reaches. */
const FLOOR = 0.1;
/** Share of the steps, at the end, in which nothing is distilled. */
const SILENT_SHARE = 0.05;

/**
 * The weight of distillation over a run: 0 → 1 in the warm-up, then a cosine down to .1; 0 in the last twentieth of the steps.
 * @param burnIn steps before the warm-up, in which nothing is distilled
 */
export function distillationRamp(
  step: number,
  { hparams, stepsPerEpoch, totalSteps }: ScheduleOptions,
  burnIn = 0,
): number {
  const warmup = Math.floor(hparams.lr_warmup_epoch * stepsPerEpoch);
  const end = totalSteps * (1 - SILENT_SHARE);
  if (step < burnIn || step >= end) return 0;
  if (step < burnIn + warmup) return (step - burnIn) / warmup;
  const progress = (step - burnIn - warmup) / Math.max(1, end - burnIn - warmup);
  return FLOOR + (1 - FLOOR) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

const BURN_IN_SHARE = 0.1;

/** The steps in which the auxiliary branch is too little trained to be a teacher. */
export const burnInSteps = ({ totalSteps }: Pick<ScheduleOptions, 'totalSteps'>): number =>
  Math.floor(totalSteps * BURN_IN_SHARE);

/** The previous version's share of the soft targets: one half at first, falling linearly to 0. */
export const previousShare = (step: number, { totalSteps }: Pick<ScheduleOptions, 'totalSteps'>): number =>
  0.5 * (1 - step / totalSteps);

/** Decay of the moving averages of the auxiliary branch's variables. */
export const AUXILIARY_DECAY = 0.999;

/** The decay of a moving average, smaller in the first updates: short runs must not be dominated by their initial values. */
export const movingAverageDecay = (decay: number, updates: number): number =>
  Math.min(decay, (1 + updates) / (10 + updates));
