import { MAX_SOFT_TERM, weightOf } from '../config/distillation.js';
import type { SoftWeights } from '../config/run.js';
import { auxiliaryTerm, rawTerm, type SoftTerm, WEIGHT_OF } from '../formats/training-history.js';
import { movingAverageDecay } from './schedule.js';

/** Decay of the averages: about 200 steps. */
const DECAY = 0.995;
const AVERAGED = [
  rawTerm('loss_soft_cls'),
  rawTerm('loss_soft_box'),
  'cls_loss',
  auxiliaryTerm('cls_loss'),
] as const;
type Averaged = (typeof AVERAGED)[number];

/** Moving averages of logged losses, by name. */
export type LossAverages = Readonly<Record<string, number>>;

/** The averages after a step. @param updates steps that were averaged before */
export function updateAverages(
  averages: LossAverages,
  values: Readonly<Record<string, number>>,
  updates: number,
): LossAverages {
  const decay = movingAverageDecay(DECAY, updates);
  const next = AVERAGED.flatMap((name): [string, number][] => {
    const value = values[name];
    if (value === undefined) return [];
    const before = averages[name] ?? value;
    return [[name, decay * before + (1 - decay) * value]];
  });
  return Object.fromEntries(next);
}

const averageOf = (averages: LossAverages, name: Averaged): number | undefined => averages[name];

/** The weight that brings a term, weight included, to 5; undefined: nothing is averaged yet. */
function weightForLimit(term: SoftTerm, averages: LossAverages): number | undefined {
  const raw = averageOf(averages, rawTerm(term));
  return raw === undefined || raw <= 0 ? undefined : MAX_SOFT_TERM / raw;
}

/** The weight of a term before the schedule: an automatic one is lowered so far that the term stays below 5 on average. */
export function limitedWeight(term: SoftTerm, weights: SoftWeights, averages: LossAverages): number {
  const name = WEIGHT_OF[term];
  const weight = weightOf(weights, name);
  return weights[name] === 'auto' ? Math.min(weight, weightForLimit(term, averages) ?? weight) : weight;
}

/** One line for people about a term that is large at its configured weight; null: it is not. */
export function describeLargeTerm(
  term: SoftTerm,
  weights: SoftWeights,
  averages: LossAverages,
): string | null {
  const name = WEIGHT_OF[term];
  const [weight, limit] = [weightOf(weights, name), weightForLimit(term, averages)];
  if (limit === undefined || limit >= weight) return null;
  const [size, better] = [((MAX_SOFT_TERM * weight) / limit).toPrecision(2), limit.toPrecision(2)];
  return weights[name] === 'auto'
    ? `${term} would be ${size} at ${name} ${weight}: ${name} is lowered, now to ${better}, to keep the term below ${MAX_SOFT_TERM}`
    : `warning: ${term} is ${size} on average and dominates the loss; distillation.${name} ${better} would bring it to ${MAX_SOFT_TERM}`;
}

/** The lead at which the auxiliary branch counts as a full teacher: its classification loss is a tenth lower. */
const FULL_LEAD = 0.1;

/**
 * How far the auxiliary branch is ahead of the student, from 0 to 1, by the classification losses of both on the same batches. A branch
 * that is not ahead has nothing to teach: it would only hold the student back.
 */
export function leadOfBranch(averages: LossAverages): number {
  const own = averageOf(averages, 'cls_loss');
  const branch = averageOf(averages, auxiliaryTerm('cls_loss'));
  if (own === undefined || branch === undefined || own <= 0) return 0;
  return Math.min(1, Math.max(0, (own - branch) / own / FULL_LEAD));
}
