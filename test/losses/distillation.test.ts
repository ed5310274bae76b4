import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import {
  type AnchorOutputs,
  type SoftTargets,
  softBoxLoss,
  softClassLoss,
} from '../../src/losses/distillation.js';
import { randomFrom } from '../../src/random.js';
import { expectGradient } from './gradients.js';

beforeAll(async () => {
  await loadTensorFlow();
});

// Three anchors, two classes: sure, unsure, blind.
const TEACHER_LOGITS = [2, -3, -1, -0.5, -6, -7];
const STUDENT_LOGITS = [0.5, -2, -1.5, 1, -3, -4];
const TEACHER_DELTAS = [0.1, 0.2, -0.3, 0.4, 0.5, -0.5, 0.05, 0, 3, 3, 3, 3];
const STUDENT_DELTAS = [0.15, -0.4, -0.25, 0.9, 0.45, -0.2, 0, 0.03, 0, 0, 0, 0];
const N = 4;

const outputs = (logits: readonly number[], deltas: readonly number[]): AnchorOutputs => ({
  logits: tf.tensor([...logits], [1, 3, 2]),
  deltas: tf.tensor([...deltas], [1, 3, 4]),
});
const teacher = (): AnchorOutputs => outputs(TEACHER_LOGITS, TEACHER_DELTAS);
const student = (): AnchorOutputs => outputs(STUDENT_LOGITS, STUDENT_DELTAS);
const valueOf = (compute: () => tf.Scalar): number => tf.tidy(() => compute().dataSync()[0]!);

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const huber = (e: number): number => (Math.abs(e) <= 0.1 ? 0.5 * e * e : 0.1 * Math.abs(e) - 0.005);

/** Per logit: the weight |p_t − p_s|^1.5, and the cross-entropy. */
const classParts = STUDENT_LOGITS.map((z, i) => {
  const [pt, ps] = [sigmoid(TEACHER_LOGITS[i]!), sigmoid(z)];
  return {
    weight: Math.abs(pt - ps) ** 1.5,
    entropy: -(pt * Math.log(ps) + (1 - pt) * Math.log(1 - ps)),
    pt,
    ps,
  };
});

describe('the soft class loss', () => {
  it('equals its definition', () => {
    const expected = sum(classParts.map(({ weight, entropy }) => weight * entropy)) / N;
    expect(valueOf(() => softClassLoss(student(), teacher(), tf.scalar(N)))).toBeCloseTo(expected, 6);
  });

  it('has the gradient weight · (p_s − p_t) / N: none flows through the weight', () => {
    const gradient = tf.tidy(() => [
      ...tf
        .grad((logits: tf.Tensor) => softClassLoss({ ...student(), logits }, teacher(), tf.scalar(N)))(
          student().logits,
        )
        .dataSync(),
    ]);
    classParts.forEach(({ weight, ps, pt }, i) =>
      expect(gradient[i]).toBeCloseTo((weight * (ps - pt)) / N, 6),
    );
  });

  it('is 0 where student and teacher agree', () => {
    expect(valueOf(() => softClassLoss(teacher(), teacher(), tf.scalar(N)))).toBe(0);
  });

  it('stays finite, and so does its gradient, at extreme logits', () => {
    const gradient = tf.tidy(() => {
      const far = outputs([1e4, -1e4, 1e4, -1e4, 500, -500], TEACHER_DELTAS);
      const opposite = tf.neg(far.logits);
      const compute = (logits: tf.Tensor): tf.Scalar =>
        softClassLoss({ ...student(), logits }, far, tf.scalar(N));
      return [compute(opposite).dataSync()[0]!, ...tf.grad(compute)(opposite).dataSync()];
    });
    expect(gradient.every(Number.isFinite)).toBe(true);
    // Six logits wholly wrong: weight 1, and a cross-entropy as large as the logit; each pulls by no more than 1.
    expect(gradient[0]).toBeCloseTo((4 * 1e4 + 2 * 500) / N, 3);
    expect(gradient.slice(1).map(Math.abs)).toEqual(Array(6).fill(1 / N));
  });
});

const LIMITS = { delta: 0.1, minConfidence: 0.1 };

describe('the soft box loss', () => {
  it('equals its definition: anchors that the teacher does not see do not count', () => {
    const confidence = [sigmoid(2), sigmoid(-0.5)];
    const perAnchor = [0, 1].map(a =>
      sum([0, 1, 2, 3].map(c => huber(STUDENT_DELTAS[4 * a + c]! - TEACHER_DELTAS[4 * a + c]!))),
    );
    const expected =
      sum(perAnchor.map((loss, a) => loss * confidence[a]!)) / (4 * Math.max(1, sum(confidence)));
    expect(valueOf(() => softBoxLoss(student(), teacher(), LIMITS))).toBeCloseTo(expected, 6);
  });

  it('has the gradient that differences give', () => {
    expectGradient(
      deltas => softBoxLoss({ ...student(), deltas }, teacher(), LIMITS),
      STUDENT_DELTAS,
      [1, 3, 4],
    );
  });

  it('is 0 where the teacher sees nothing at all', () => {
    const blind = () => outputs([-8, -8, -8, -8, -8, -8], TEACHER_DELTAS);
    expect(valueOf(() => softBoxLoss(student(), blind(), LIMITS))).toBe(0);
  });

  it('bounds what absurd deltas cost', () => {
    const absurd = () =>
      outputs(
        STUDENT_LOGITS,
        STUDENT_DELTAS.map(() => 1e30),
      );
    // All four coordinates at most 20 apart.
    expect(valueOf(() => softBoxLoss(absurd(), teacher(), LIMITS))).toBeLessThan(0.1 * 20);
  });
});

describe('a guide to some anchors', () => {
  const [BATCH, COUNT, CLASSES] = [2, 5, 2];
  /** Of each image, in no order. */
  const CHOSEN = [
    [3, 1, 4],
    [0, 4, 2],
  ];
  const random = randomFrom('guide');
  const draw = (count: number): number[] => Array.from({ length: count }, () => random.uniform(-3, 3));
  const all = {
    logits: draw(BATCH * COUNT * CLASSES),
    deltas: draw(BATCH * COUNT * 4),
  };
  const taught = { logits: draw(6 * CLASSES), deltas: draw(6 * 4) };
  const pupil = (): AnchorOutputs => ({
    logits: tf.tensor(all.logits, [BATCH, COUNT, CLASSES]),
    deltas: tf.tensor(all.deltas, [BATCH, COUNT, 4]),
  });
  const guide = (): SoftTargets => ({
    anchors: tf.tensor2d(CHOSEN, [BATCH, 3], 'int32'),
    logits: tf.tensor(taught.logits, [BATCH, 3, CLASSES]),
    deltas: tf.tensor(taught.deltas, [BATCH, 3, 4]),
  });
  /** Every chosen anchor's values: the place among the student's, and the guide's number. */
  const pairs = (size: number): { place: number; index: number }[] =>
    CHOSEN.flatMap((anchors, image) =>
      anchors.flatMap((anchor, k) =>
        Array.from({ length: size }, (_, i) => ({
          place: (image * COUNT + anchor) * size + i,
          index: (image * 3 + k) * size + i,
        })),
      ),
    );

  it('teaches classes there by the definition, and nothing flows to the other anchors', () => {
    const gradient = Array<number>(all.logits.length).fill(0);
    const parts = pairs(CLASSES).map(({ place, index }) => {
      const [pt, ps] = [sigmoid(taught.logits[index]!), sigmoid(all.logits[place]!)];
      const weight = Math.abs(pt - ps) ** 1.5;
      gradient[place] = (weight * (ps - pt)) / N;
      return weight * -(pt * Math.log(ps) + (1 - pt) * Math.log(1 - ps));
    });
    const compute = (logits: tf.Tensor): tf.Scalar =>
      softClassLoss({ ...pupil(), logits }, guide(), tf.scalar(N));
    expect(valueOf(() => compute(pupil().logits))).toBeCloseTo(sum(parts) / N, 5);
    const found = tf.tidy(() => tf.grad(compute)(pupil().logits).dataSync());
    gradient.forEach((expected, i) => expect(found[i]).toBeCloseTo(expected, 6));
    expect(gradient.filter(value => value === 0).length).toBe(4 * CLASSES);
  });

  it('teaches boxes there by the definition, and nothing flows to the other anchors', () => {
    const confidence = Array.from({ length: 6 }, (_, k) =>
      Math.max(...[0, 1].map(c => sigmoid(taught.logits[k * CLASSES + c]!))),
    ).map(value => (value > 0.1 ? value : 0));
    const scale = 4 * Math.max(1, sum(confidence));
    const parts = pairs(4).map(
      ({ place, index }) =>
        confidence[Math.floor(index / 4)]! * huber(all.deltas[place]! - taught.deltas[index]!),
    );
    const gradient = Array<number>(all.deltas.length).fill(0);
    for (const { place, index } of pairs(4)) {
      const error = all.deltas[place]! - taught.deltas[index]!;
      const slope = Math.max(-0.1, Math.min(0.1, error));
      gradient[place] = (confidence[Math.floor(index / 4)]! * slope) / scale;
    }
    const compute = (deltas: tf.Tensor): tf.Scalar => softBoxLoss({ ...pupil(), deltas }, guide(), LIMITS);
    expect(valueOf(() => compute(pupil().deltas))).toBeCloseTo(sum(parts) / scale, 5);
    const found = tf.tidy(() => tf.grad(compute)(pupil().deltas).dataSync());
    gradient.forEach((expected, i) => expect(found[i]).toBeCloseTo(expected, 6));
  });

  it('to all anchors in their order is none to some of them', () => {
    const order = CHOSEN.map(() => Array.from({ length: COUNT }, (_, i) => i));
    const whole = (): AnchorOutputs => ({
      logits: tf.tensor(all.deltas.slice(0, 20), [BATCH, COUNT, CLASSES]),
      deltas: tf.neg(pupil().deltas),
    });
    const ordered = (): SoftTargets => ({ ...whole(), anchors: tf.tensor2d(order, [BATCH, COUNT], 'int32') });
    for (const loss of [
      (teaches: SoftTargets) => softClassLoss(pupil(), teaches, tf.scalar(N)),
      (teaches: SoftTargets) => softBoxLoss(pupil(), teaches, LIMITS),
    ])
      expect(valueOf(() => loss(ordered()))).toBeCloseTo(
        valueOf(() => loss(whole())),
        5,
      );
  });
});
