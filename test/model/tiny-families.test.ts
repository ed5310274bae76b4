import { describe, expect, it } from 'vitest';
import { BACKBONES, familyOf, type FamilyRow } from '../../src/config/families.js';
import { variableSpecs } from '../../src/model/efficientdet.js';

/** Outputs of the stages that feed the pyramid, and all trainable parameters: of the official B0 and Lite0. */
const OFFICIAL_BACKBONES: Readonly<
  Record<string, { features: [number, number, number]; parameters: number }>
> = {
  'efficientnet-b0': { features: [40, 112, 320], parameters: 3_595_388 },
  'efficientnet-lite0': { features: [40, 112, 320], parameters: 2_958_848 },
};

/** The closed form for levels 3–7 that all fifteen official models follow. */
function trainableParameters(family: FamilyRow, numClasses: number): number {
  const { fpnChannels: W, fpnCells: cells, headRepeats: D, backbone } = family;
  const levels = 5;
  const { features, parameters } = OFFICIAL_BACKBONES[backbone]!;
  const [c3, c4, c5] = features;
  const node = W * W + 12 * W;
  const projected = [c3, c4, c4, c5, c5, c5].filter(channels => channels !== W);
  const pyramid =
    cells * (2 * levels - 2) * node +
    (family.fusion === 'fastattn' ? cells * (5 * levels - 6) : 0) +
    projected.reduce((sum, channels) => sum + W * (channels + 3), 0);
  const head = (outputs: number): number =>
    D * (W * W + 10 * W) + D * levels * 2 * W + 9 * W + W * outputs + outputs;
  return parameters + pyramid + head(9 * numClasses) + head(36);
}

const total = (model: 't0' | 't1' | 't2' | 'd0' | 'lite0', numClasses: number): number =>
  variableSpecs({ family: familyOf(`efficientdet-${model}`), numClasses })
    .filter(({ trainable }) => trainable)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

describe('tiny models', () => {
  it.each(['t0', 't1', 't2', 'd0', 'lite0'] as const)(
    'have the parameters that the closed form gives: %s',
    model => {
      for (const numClasses of [1, 90])
        expect(total(model, numClasses)).toBe(
          trainableParameters(familyOf(`efficientdet-${model}`), numClasses),
        );
    },
  );

  it('have neither squeeze-excitation nor fusion weights below T0', () => {
    const names = (model: 't0' | 't1' | 't2'): string[] =>
      variableSpecs({ family: familyOf(`efficientdet-${model}`), numClasses: 1 }).map(({ name }) => name);
    expect(names('t0').some(name => name.includes('/se/'))).toBe(true);
    for (const model of ['t1', 't2'] as const)
      expect(names(model).filter(name => /\/se\/|WSM/.test(name))).toEqual([]);
  });

  it('project no map that has the width of the pyramid already', () => {
    // T2's pyramid is as wide as C3: 40.
    const { fpnChannels, backbone } = familyOf('efficientdet-t2');
    expect(BACKBONES[backbone].width).toBe(1);
    expect(fpnChannels).toBe(40);
    const names = variableSpecs({ family: familyOf('efficientdet-t2'), numClasses: 1 }).map(
      ({ name }) => name,
    );
    const resampled = names.filter(name => /cell_0.*resample.*kernel$/.test(name));
    expect(resampled.map(name => name.split('/')[3])).toEqual([
      'resample_0_2_6',
      'resample_0_1_7',
      'resample_0_1_9',
      'resample_0_2_10',
    ]);
  });
});
