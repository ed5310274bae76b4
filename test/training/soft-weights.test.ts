import { describe, expect, it } from 'vitest';
import {
  describeLargeTerm,
  leadOfBranch,
  limitedWeight,
  type LossAverages,
  updateAverages,
} from '../../src/training/soft-weights.js';

const AUTO = { soft_cls_loss: 'auto', soft_box_loss: 'auto' } as const;
const GIVEN = { soft_cls_loss: 2, soft_box_loss: 200 };

const averagesOf = (values: Record<string, number>, steps = 1000): LossAverages =>
  Array.from({ length: steps }).reduce<LossAverages>(
    (averages, _, i) => updateAverages(averages, values, i),
    {},
  );

describe('the averages', () => {
  it('follow the losses of about 200 steps, and those of a young run sooner', () => {
    const before = averagesOf({ cls_loss: 1 });
    const after = Array.from({ length: 200 }).reduce<LossAverages>(
      (averages, _, i) => updateAverages(averages, { cls_loss: 0 }, 10_000 + i),
      before,
    );
    expect(after.cls_loss).toBeCloseTo(Math.exp(-1), 2);
    expect(updateAverages(averagesOf({ cls_loss: 1 }, 1), { cls_loss: 0 }, 1).cls_loss).toBeCloseTo(
      2 / 11,
      9,
    );
  });
});

describe('an automatic weight', () => {
  it('keeps its term, weight included, at 5 at most', () => {
    expect(limitedWeight('loss_soft_cls', AUTO, {})).toBe(2);
    expect(limitedWeight('loss_soft_cls', AUTO, averagesOf({ raw_loss_soft_cls: 1 }))).toBe(2);
    expect(limitedWeight('loss_soft_cls', AUTO, averagesOf({ raw_loss_soft_cls: 10 }))).toBeCloseTo(0.5, 9);
    expect(limitedWeight('loss_soft_box', AUTO, averagesOf({ raw_loss_soft_box: 0.1 }))).toBeCloseTo(50, 9);
  });

  it('says that it is lowered', () => {
    const averages = averagesOf({ raw_loss_soft_cls: 10 });
    expect(describeLargeTerm('loss_soft_cls', AUTO, averages)).toMatch(
      /would be 20 at soft_cls_loss 2: .* now to 0.50/,
    );
    expect(describeLargeTerm('loss_soft_box', AUTO, averages)).toBeNull();
  });
});

describe('a weight that was given', () => {
  it('stays, with a warning that names the one that would bring the term to 5', () => {
    const averages = averagesOf({ raw_loss_soft_box: 0.25, raw_loss_soft_cls: 2 });
    expect(limitedWeight('loss_soft_box', GIVEN, averages)).toBe(200);
    expect(describeLargeTerm('loss_soft_box', GIVEN, averages)).toMatch(
      /^warning: loss_soft_box is 50 .*distillation.soft_box_loss 20 would bring it to 5$/,
    );
    expect(describeLargeTerm('loss_soft_cls', GIVEN, averages)).toBeNull();
  });
});

describe('the lead of the auxiliary branch', () => {
  it.each([
    [1, 1, 0],
    [1, 1.5, 0],
    [1, 0.95, 0.5],
    [1, 0.9, 1],
    [1, 0.2, 1],
  ])('of losses %f of the student and %f of the branch is %f', (cls_loss, aux_cls_loss, lead) => {
    expect(leadOfBranch(averagesOf({ cls_loss, aux_cls_loss }))).toBeCloseTo(lead, 9);
  });

  it('is none before both were seen', () => {
    expect(leadOfBranch({})).toBe(0);
  });
});
