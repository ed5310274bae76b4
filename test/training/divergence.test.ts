import { describe, expect, it } from 'vitest';
import { Divergence, DivergenceCheck } from '../../src/training/divergence.js';

const POSITIVES = new Float32Array([20, 20]);
const step = (cls_loss: number, more: Record<string, number> = {}): Record<string, number> => ({
  cls_loss,
  box_loss: 0.5,
  l2_loss: 0.1,
  loss: cls_loss + 0.6,
  gradient_norm: 2,
  ...more,
});

/** The step of a series that diverges first, and what it came from; null: none does. */
function firstDivergence(
  steps: readonly Record<string, number>[],
  {
    lowest = {},
    positives = () => POSITIVES,
  }: { lowest?: Record<string, number>; positives?: (step: number) => Float32Array } = {},
): { step: number; divergedIn: string } | null {
  const check = new DivergenceCheck(lowest);
  for (const [i, values] of steps.entries())
    try {
      check.judge(values, positives(i));
    } catch (error) {
      if (!(error instanceof Divergence)) throw error;
      return { step: i, divergedIn: error.divergedIn };
    }
  return null;
}

const many = (count: number, of: (step: number) => Record<string, number>): Record<string, number>[] =>
  Array.from({ length: count }, (_, i) => of(i));

describe('the check of steps', () => {
  it('lets a training pass whose loss falls, and rises at the end of the warm-up', () => {
    expect(firstDivergence(many(300, i => step(i < 20 ? 2 : i < 40 ? 6 : 2 / (1 + i / 50))))).toBeNull();
  });

  it('finds a loss that grows from the first steps on, without ever being infinite', () => {
    expect(firstDivergence([2.07, 40, 2.4e3, 1.3e5, 6.5e5].map(loss => step(loss)))).toEqual({
      step: 2,
      divergedIn: 'training',
    });
  });

  it('finds a loss that drags its own mean along', () => {
    const found = firstDivergence(many(2000, i => step(2 * 1.01 ** i)));
    expect(found?.divergedIn).toBe('training');
    expect(found!.step).toBeLessThan(Math.log(60) / Math.log(1.01));
  });

  it('finds one term that explodes while others are larger', () => {
    const steps = [
      ...many(60, () => step(0.02, { box_loss: 4 })),
      ...many(10, () => step(9, { box_loss: 4 })),
    ];
    expect(firstDivergence(steps)?.divergedIn).toBe('training');
  });

  it('takes one batch with hardly any boxes for what it is', () => {
    const isEmpty = (i: number): boolean => i % 40 === 39;
    const steps = many(200, i => step(isEmpty(i) ? 20 : 0.5));
    expect(
      firstDivergence(steps, { positives: i => (isEmpty(i) ? new Float32Array(2) : POSITIVES) }),
    ).toBeNull();
  });

  it('remembers the usual loss over a roll-back', () => {
    const lowest = {};
    expect(
      firstDivergence(
        many(60, () => step(0.5)),
        { lowest },
      ),
    ).toBeNull();
    expect(firstDivergence([step(40)], { lowest })).toEqual({ step: 0, divergedIn: 'training' });
  });

  it.each([
    ['training', { cls_loss: NaN, loss_soft_cls: NaN, loss: NaN }],
    ['training', { box_loss: Infinity, loss: Infinity }],
    [
      'distillation',
      { loss_soft_box: Infinity, raw_loss_soft_box: Infinity, loss: Infinity, gradient_norm: NaN },
    ],
    ['unknown', { gradient_norm: NaN }],
  ])('names %s as the cause of %o', (divergedIn, values) => {
    expect(firstDivergence([step(1, values)])).toEqual({ step: 0, divergedIn });
  });

  it('judges the terms of distillation before their weights, which a schedule raises', () => {
    const taught = (i: number, raw: number) =>
      step(0.5, { loss_soft_cls: raw * i, raw_loss_soft_cls: raw, loss: 1 + raw * i });
    expect(firstDivergence(many(200, i => taught(i, 1)))).toBeNull();
    const exploding = many(200, i => taught(i, i < 150 ? 1 : 200));
    expect(firstDivergence(exploding)).toEqual({ step: 150, divergedIn: 'distillation' });
  });
});
