import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf, type ModelName } from '../../../src/config/families.js';
import { loadTensorFlow } from '../../../src/graph/tensorflow.js';
import type { VariableSpec } from '../../../src/graph/variables.js';
import { backbone } from '../../../src/model/backbone.js';
import { variableSpecs } from '../../../src/model/efficientdet.js';
import { imagenetWeights, PACKAGED } from '../../../src/model/weights/imagenet.js';
import { readPytorchState } from '../../../src/model/weights/pytorch.js';
import { type Adoption, adoptWeights } from '../../../src/model/weights/weights.js';
import { provideNativeParts } from '../../../src/native/setup.js';
import { readSettings } from '../../../src/settings.js';
import { EagerVariables } from '../golden-weights.js';

// Read by Python from the same file: test/golden/weights/lite0.py.
const GOLDEN = JSON.parse(
  readFileSync(new URL('../../golden/weights/lite0.json', import.meta.url), 'utf8'),
) as Record<string, { first: number[]; last: number[] }>;

async function startOf(model: ModelName): Promise<{ specs: VariableSpec[]; adoption: Adoption }> {
  const family = familyOf(model);
  const part = `imagenet-${PACKAGED[family.backbone]!}` as const;
  const file = (await provideNativeParts({ settings: readSettings(), parts: [part] }))[part];
  const specs = variableSpecs({ family, numClasses: 3 }).filter(({ name }) =>
    name.startsWith('efficientnet'),
  );
  const source = imagenetWeights(await readPytorchState(file), { backbone: family.backbone, specs });
  return { specs, adoption: adoptWeights(specs, source) };
}

describe('packaged ImageNet weights', () => {
  it.each([
    ['efficientdet-lite0', 240],
    ['efficientdet-lite1', 315],
    ['efficientdet-lite2', 315],
    ['efficientdet-t1', 240],
  ] as const)('fill the backbone of %s completely: %i tensors', async (model, count) => {
    const { adoption, specs } = await startOf(model);
    expect(adoption).toMatchObject({ missing: [], mismatched: [], extra: [] });
    expect(adoption.adopted.length).toBe(count);
    expect(specs.length).toBe(count);
  });

  it.each(['efficientdet-d0', 'efficientdet-t0'] as const)(
    'fill the backbone of %s but for its 64 tensors of squeeze-excitation',
    async model => {
      const { adoption } = await startOf(model);
      expect(adoption.adopted.length).toBe(240);
      expect(adoption.missing.length).toBe(64);
      expect(adoption.missing.every(name => name.includes('/se/'))).toBe(true);
      expect(adoption.mismatched).toEqual([]);
    },
  );

  it.each([
    ['efficientdet-d1', 'efficientnet-b1'],
    ['efficientdet-d2', 'efficientnet-b2'],
  ] as const)(
    'leave in %s squeeze-excitation and the two blocks that lite networks do not repeat',
    async (model, name) => {
      const { adoption } = await startOf(model);
      const blocks = adoption.missing.filter(missing => !missing.includes('/se/'));
      expect(adoption.adopted.length).toBe(315);
      expect([...new Set(blocks.map(missing => missing.split('/').slice(0, 2).join('/')))]).toEqual([
        `${name}/blocks_1`,
        `${name}/blocks_22`,
      ]);
      expect(adoption.mismatched).toEqual([]);
    },
  );

  it.each([
    ['efficientdet-lite0', 'efficientnet-lite0'],
    ['efficientdet-d0', 'efficientnet-b0'],
  ] as const)('are, in %s, the numbers that Python reads', async (model, name) => {
    const { adoption } = await startOf(model);
    for (const [variable, { first, last }] of Object.entries(GOLDEN)) {
      const values = adoption.values.get(`${name}/${variable}`)!;
      expect([...values.slice(0, 4), ...values.slice(-4)], variable).toEqual([...first, ...last]);
    }
  });
});

describe('the loaded Lite0 backbone', () => {
  beforeAll(async () => {
    await loadTensorFlow();
  });

  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

  function correlation(a: readonly number[], b: readonly number[]): number {
    const centred = (values: readonly number[]) => values.map(value => value - mean(values));
    const dot = (x: readonly number[], y: readonly number[]) =>
      x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    const [x, y] = [centred(a), centred(b)];
    return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
  }

  /** Per norm: how alike the means are that it remembers and those that the network now produces. */
  function agreements(values: (spec: VariableSpec) => Float32Array): number[] {
    const variables = new EagerVariables(values);
    return tf.tidy(() => {
      const noise = tf.randomNormal<tf.Rank.R4>([2, 64, 64, 3], 0, 1, 'float32', 7);
      backbone(
        { variables, training: true, hasFrozenNorms: false, activation: 'relu6', dropSeed: null },
        'efficientnet-lite0',
        noise,
      );
      return [...variables.changed]
        .filter(([name]) => name.endsWith('moving_mean'))
        .map(([name, next]) => {
          const remembered = [...variables.tensors.get(name)!.dataSync()];
          const moved = [...next.dataSync()];
          return correlation(
            remembered,
            moved.map((value, i) => (value - 0.99 * remembered[i]!) / 0.01),
          );
        });
    });
  }

  // Inside the network a channel's mean comes from kernels and norms far more than from the image: noise will do.
  it('produces the statistics that its norms remember, and would not with kernels in another order', async () => {
    const { adoption } = await startOf('efficientdet-lite0');
    const valuesOf = ({ name }: VariableSpec): Float32Array => adoption.values.get(name)!;
    const reversed = (spec: VariableSpec): Float32Array =>
      spec.name.endsWith('kernel') ? valuesOf(spec).slice().reverse() : valuesOf(spec);
    expect(mean(agreements(valuesOf))).toBeGreaterThan(0.85);
    expect(Math.abs(mean(agreements(reversed)))).toBeLessThan(0.3);
  });
});
