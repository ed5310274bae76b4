import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Hparams } from '../../src/config/run.js';
import { expectParity } from '../parity.js';
import {
  burnInSteps,
  distillationRamp,
  learningRateAt,
  movingAverageDecay,
  previousShare,
} from '../../src/training/schedule.js';

type Table = Readonly<Record<string, number>>;
interface Golden {
  readonly forward_full_and_postprocess_and_loss: Readonly<
    Record<`lr_${'cosine' | 'stepwise' | 'polynomial'}_bs32_spe100`, Table>
  >;
}
// google/automl 6a54c874, tf2/train_lib.py: batch 32, 100 steps an epoch, 300 epochs.
const GOLDEN = (
  JSON.parse(readFileSync(new URL('../golden/efficientdet.json', import.meta.url), 'utf8')) as Golden
).forward_full_and_postprocess_and_loss;

const RUN = { batchSize: 32, stepsPerEpoch: 100, totalSteps: 30_000 };

describe('the learning rate', () => {
  it.each(['cosine', 'stepwise', 'polynomial'] as const)('decays like the official %s schedule', method => {
    // That trainer does not scale where the warm-up starts; this one does, as the first one did: .016 · 32 / 64 = .008.
    const hparams = Hparams.parse({ lr_decay_method: method, lr_warmup_init: 0.016 });
    const points = Object.entries(GOLDEN[`lr_${method}_bs32_spe100`]);
    const errors = points.map(([step, expected]) =>
      Math.abs(learningRateAt(Number(step), { ...RUN, hparams }) - expected),
    );
    expectParity({
      item: `Learning rate, ${method}`,
      reference: 'google/automl tf2/train_lib.py',
      cases: points.length,
      error: Math.max(...errors),
      measure: 'absolute',
      limit: 1e-8, // computed in 32 bits there
    });
  });

  it('scales with the batch, warm-up included', () => {
    const hparams = Hparams.parse({});
    for (const step of [0, 50, 100, 12_345])
      expect(learningRateAt(step, { ...RUN, batchSize: 64, hparams })).toBeCloseTo(
        2 * learningRateAt(step, { ...RUN, hparams }),
        12,
      );
  });

  it('starts at its full height without a warm-up', () => {
    const hparams = Hparams.parse({ lr_warmup_epoch: 0, lr_decay_method: 'constant' });
    expect(learningRateAt(0, { ...RUN, hparams })).toBeCloseTo(0.04, 12);
  });

  it('is never negative, nor anything but a number, however short the run', () => {
    for (const method of ['cosine', 'stepwise', 'polynomial', 'constant'] as const)
      for (const totalSteps of [1, 2, 3, 10]) {
        const options = {
          batchSize: 8,
          stepsPerEpoch: 1,
          totalSteps,
          hparams: Hparams.parse({ lr_decay_method: method }),
        };
        for (let step = 0; step < totalSteps; step++)
          expect(
            learningRateAt(step, options),
            `${method}, step ${step} of ${totalSteps}`,
          ).toBeGreaterThanOrEqual(0);
      }
  });
});

describe('the cosine of a short run', () => {
  const rates = (epochs: number, lr_warmup_epoch: number): number[] => {
    const options = { batchSize: 64, stepsPerEpoch: 20, totalSteps: 20 * epochs };
    const hparams = Hparams.parse({ learning_rate: 1, lr_warmup_init: 0.1, lr_warmup_epoch });
    return Array.from({ length: options.totalSteps }, (_, step) =>
      learningRateAt(step, { ...options, hparams }),
    );
  };

  it.each([
    [2, 1],
    [3, 1],
    [5, 1],
    [10, 5],
  ])('of %i epochs falls from its full height after %i of warm-up to 0 at the end', (epochs, warmup) => {
    const decay = rates(epochs, warmup).slice(20 * warmup);
    expect(decay[0]).toBeCloseTo(1, 12);
    for (const [i, rate] of decay.slice(1).entries()) expect(rate).toBeLessThan(decay[i]!);
    expect(decay.at(-1)).toBeLessThan(0.01);
  });
});

describe('the distillation ramp', () => {
  const options = { batchSize: 8, stepsPerEpoch: 100, totalSteps: 2000, hparams: Hparams.parse({}) };
  const ramp = (step: number): number => distillationRamp(step, options);

  it('rises over the warm-up epoch', () => {
    expect([0, 50, 100].map(ramp)).toEqual([0, 0.5, 1]);
  });

  it('begins after a burn-in, and ends where it ended without', () => {
    const burnIn = burnInSteps(options);
    expect(burnIn).toBe(200); // a tenth
    const late = (step: number): number => distillationRamp(step, options, burnIn);
    expect([0, 199, 200, 250, 300].map(late)).toEqual([0, 0, 0, 0.5, 1]);
    expect(late(1100)).toBeCloseTo(0.1 + 0.45, 9); // half way from 300 to 1900
    expect([1900, 1999].map(late)).toEqual([0, 0]);
  });

  it('gives the previous version half of the say at first, none at the end', () => {
    expect([0, 1000, 2000].map(step => previousShare(step, options))).toEqual([0.5, 0.25, 0]);
  });

  it('falls along half a cosine to a tenth, and is off for the last twentieth', () => {
    expect(ramp(1000)).toBeCloseTo(0.1 + 0.45, 9); // half way from 100 to 1900
    expect(ramp(1899)).toBeCloseTo(0.1, 4);
    expect([1900, 1999].map(ramp)).toEqual([0, 0]);
  });
});

describe('the decay of the moving average', () => {
  it('grows with the number of updates up to its limit', () => {
    expect(movingAverageDecay(0.9998, 0)).toBe(0.1);
    expect(movingAverageDecay(0.9998, 90)).toBe(0.91);
    expect(movingAverageDecay(0.9998, 1e6)).toBe(0.9998);
  });
});
