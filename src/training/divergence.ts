import { lossWithoutDistillation, OWN_TERMS, rawTerm, SOFT_TERMS } from '../formats/training-history.js';

/** What a divergence came from, and so what is lowered after it. */
export type DivergenceCause = 'training' | 'distillation' | 'unknown';

/** Ends the steps of a training: its state cannot be continued from, and training rolls back. */
export class Divergence extends Error {
  constructor(
    readonly reason: string,
    readonly divergedIn: DivergenceCause,
  ) {
    super(reason);
  }
}

/** A loss this many times its lowest running mean has diverged. */
const EXPLODED = 20;
/** The number of steps in the mean that is judged: one batch with few boxes is no divergence. */
const JUDGED = 5;
/** The number of steps in the running mean that it is compared with. */
const WINDOW = 50;

interface Judged {
  readonly losses: ReadonlyMap<string, number>;
  /** The normaliser of the batch. A mean that is weighted by it does not jump where a batch has hardly any boxes. */
  readonly weight: number;
}

/** The name of `lossWithoutDistillation`: the terms of distillation, whose weights change, are judged apart. */
const OWN_LOSS = 'loss without distillation';

/**
 * Judges steps by their values.
 *
 * A loss has diverged where its mean over 5 steps is above 20 times the lowest mean over 50 steps so far. The lowest means belong to
 * the state of the run: a loss that is far above them has diverged also right after a roll-back or a restart.
 */
export class DivergenceCheck {
  readonly #recent: Judged[] = [];

  /** @param lowest the lowest running mean of each loss so far; updated by every step that is fine */
  constructor(private readonly lowest: Record<string, number>) {}

  /**
   * @param values the loss terms and the gradient norm of a step, by name
   * @param positives the anchors of each image that are matched to a box
   * @throws Divergence
   */
  judge(values: Readonly<Record<string, number>>, positives: Float32Array): void {
    const bad = Object.entries(values).filter(([, value]) => !Number.isFinite(value));
    if (bad.length > 0)
      throw new Divergence(`${bad[0]![0]} is ${bad[0]![1]}`, causeOf(bad.map(([name]) => name)));
    const losses = lossesOf(values);
    this.#recent.push({ losses, weight: positives.reduce((sum, count) => sum + count, 1) });
    if (this.#recent.length > WINDOW) this.#recent.shift();
    for (const name of losses.keys()) this.#compare(name);
    for (const name of losses.keys())
      this.lowest[name] = Math.min(this.lowest[name] ?? Infinity, this.#mean(name, WINDOW));
  }

  #compare(name: string): void {
    const usual = this.lowest[name];
    if (usual === undefined) return;
    const now = this.#mean(name, JUDGED);
    if (now <= EXPLODED * usual) return;
    const isOwn = name === OWN_LOSS || OWN_TERMS.includes(name);
    // One of several terms may become negligible, and then grow by any factor until it is as large as all of them were.
    if (isOwn && now <= (this.lowest[OWN_LOSS] ?? 0)) return;
    throw new Divergence(
      `${name} is ${now.toPrecision(3)}, more than ${EXPLODED} times its lowest mean ${usual.toPrecision(3)}`,
      isOwn ? 'training' : 'distillation',
    );
  }

  #mean(name: string, steps: number): number {
    let [sum, weights] = [0, 0];
    for (const { losses, weight } of this.#recent.slice(-steps)) {
      sum += (losses.get(name) ?? 0) * weight;
      weights += weight;
    }
    return sum / weights;
  }
}

/** The losses that are judged. The terms of distillation are judged before their weights, which a schedule raises and lowers. */
function lossesOf(values: Readonly<Record<string, number>>): Map<string, number> {
  const given = (names: readonly string[]): [string, number][] =>
    names.flatMap(name => (name in values ? [[name, values[name]!] as [string, number]] : []));
  const terms = given([...OWN_TERMS, ...SOFT_TERMS.map(rawTerm)]);
  return new Map([...terms, [OWN_LOSS, lossWithoutDistillation(values)]]);
}

/** Weights that are not finite spoil every term: only where the terms of the labels are fine, distillation is the cause. */
function causeOf(names: readonly string[]): DivergenceCause {
  if (names.some(name => OWN_TERMS.includes(name))) return 'training';
  return names.some(name => name !== 'gradient_norm' && name !== 'loss') ? 'distillation' : 'unknown';
}
