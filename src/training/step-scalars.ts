import type { SoftWeights } from '../config/run.js';
import type { Backoff, SoftTerm } from '../formats/training-history.js';
import {
  AUXILIARY_DECAY,
  burnInSteps,
  distillationRamp,
  learningRateAt,
  movingAverageDecay,
  previousShare,
  type ScheduleOptions,
} from './schedule.js';
import { leadOfBranch, limitedWeight, type LossAverages } from './soft-weights.js';

/** The values that the scalars of a step are computed from. */
export interface StepContext extends ScheduleOptions {
  readonly step: number;
  /** Weights of the distillation terms; null: nothing is distilled. */
  readonly softWeights: SoftWeights | null;
  readonly backoff: Backoff;
  readonly averages: LossAverages;
  /** The step at which distillation ended; null: it has not. */
  readonly taughtUntil: number | null;
  /** The teachers of online distillation; null: the student does not learn online. */
  readonly online: { readonly hasPrevious: boolean } | null;
}

/** The weight of a distillation term at a step. */
function softWeight(term: SoftTerm, at: StepContext): number {
  if (!at.softWeights || at.taughtUntil !== null) return 0;
  // A previous version teaches where the branch does not, and from the first step on.
  const isBranchAlone = at.online !== null && !at.online.hasPrevious;
  const [burnIn, lead] = isBranchAlone ? [burnInSteps(at), leadOfBranch(at.averages)] : [0, 1];
  const scale = at.backoff.distillation * distillationRamp(at.step, at, burnIn) * lead;
  return limitedWeight(term, at.softWeights, at.averages) * scale;
}

/**
 * The scalars that are fed to every training step, each with its value at a step. Their placeholders, their feeds and the types of
 * both follow from this table.
 */
const STEP_SCALARS = {
  learning_rate: at => learningRateAt(at.step, at) * at.backoff.learning_rate,
  soft_cls_loss: at => softWeight('loss_soft_cls', at),
  soft_box_loss: at => softWeight('loss_soft_box', at),
  /** Decay of the moving averages of the network's variables. */
  average_decay: at => movingAverageDecay(at.hparams.moving_average_decay, at.step),
  /** Decay of the moving averages of the auxiliary branch's variables. */
  auxiliary_decay: at => movingAverageDecay(AUXILIARY_DECAY, at.step),
  /** Share of the previous version in the soft targets of online distillation: all where the branch is not ahead of the student. */
  previous_share: at => 1 - leadOfBranch(at.averages) * (1 - previousShare(at.step, at)),
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
