import type { SoftWeights } from '../config/run.js';
import {
  AUXILIARY_DECAY,
  distillationRamp,
  learningRateAt,
  movingAverageDecay,
  previousShare,
  type ScheduleOptions,
} from './schedule.js';

/** The values that the scalars of a step are computed from. */
export interface StepContext extends ScheduleOptions {
  readonly step: number;
  /** Weights of the distillation terms; null: nothing is distilled. */
  readonly softWeights: SoftWeights | null;
  /** Steps at the start in which nothing is distilled. */
  readonly burnIn: number;
  /** 1, halved by every roll-back; multiplies the distillation weights or, without distillation, the learning rate. */
  readonly backoffFactor: number;
}

/** The share of its configured weight that distillation has at a step. */
const softScale = (at: StepContext): number => at.backoffFactor * distillationRamp(at.step, at, at.burnIn);

/**
 * The scalars that are fed to every training step, each with its value at a step. Their placeholders, their feeds and the types of
 * both follow from this table.
 */
const STEP_SCALARS = {
  learning_rate: at => learningRateAt(at.step, at) * (at.softWeights ? 1 : at.backoffFactor),
  soft_cls_loss: at => (at.softWeights?.soft_cls_loss ?? 0) * softScale(at),
  soft_box_loss: at => (at.softWeights?.soft_box_loss ?? 0) * softScale(at),
  /** Decay of the moving averages of the network's variables. */
  average_decay: at => movingAverageDecay(at.hparams.moving_average_decay, at.step),
  /** Decay of the moving averages of the auxiliary branch's variables. */
  auxiliary_decay: at => movingAverageDecay(AUXILIARY_DECAY, at.step),
  /** Share of the previous version in the soft targets of online distillation. */
  previous_share: at => previousShare(at.step, at),
} satisfies Record<string, (at: StepContext) => number>;

type ScalarName = keyof typeof STEP_SCALARS;
export type StepScalars = ByScalar<number>;
export type ByScalar<T> = Readonly<Record<ScalarName, T>>;

/** One value for every scalar of the step. */
export function mapScalars<T>(valueOf: (name: ScalarName) => T): ByScalar<T> {
  const names = Object.keys(STEP_SCALARS) as ScalarName[];
  // Object.fromEntries forgets the names of its keys.
  return Object.fromEntries(names.map(name => [name, valueOf(name)])) as ByScalar<T>;
}

export const scalarsAt = (at: StepContext): StepScalars => mapScalars(name => STEP_SCALARS[name](at));
