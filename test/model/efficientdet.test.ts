import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf, type FamilyRow, type ModelName, MODEL_NAMES } from '../../src/config/families.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { sha256 } from '../../src/files/hashing.js';
import { efficientDet, type Features, variableSpecs } from '../../src/model/efficientdet.js';
import { expectParity, largestError } from '../parity.js';
import { EagerVariables, goldenImages, goldenValues } from './golden-weights.js';

interface Summary {
  readonly shape: number[];
  readonly mean: number;
  readonly std: number;
  readonly absmax: number;
  readonly first: number[];
  readonly last: number[];
}
interface Golden {
  readonly forward: Record<
    string,
    {
      model: string;
      size: [number, number];
      override: Record<string, unknown>;
      result: Record<string, Summary>;
    }
  >;
  readonly forward_full_and_postprocess_and_loss: { fwd_full_d0_128: Record<string, number[] | number[][]> };
  readonly variable_set_digests: Record<
    string,
    {
      vars: number;
      trainable_tensors: number;
      trainable_params: number;
      nontrainable_params: number;
      sha256_sorted_name_shape_T: string;
    }
  >;
}
const GOLDEN = JSON.parse(
  readFileSync(new URL('../golden/efficientdet.json', import.meta.url), 'utf8'),
) as Golden;

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

describe('variables', () => {
  it.each(Object.entries(GOLDEN.variable_set_digests))(
    'of %s are the official ones: names, shapes, trainable or not',
    (name, expected) => {
      const specs = variableSpecs({ family: familyOf(`efficientdet-${name}` as ModelName), numClasses: 90 });
      const lines = specs
        .map(spec => `${spec.name}\t${spec.shape.join('x') || 'scalar'}\t${spec.trainable ? 'T' : 'N'}\n`)
        .sort();
      const count = (trainable: boolean): number =>
        specs.filter(spec => spec.trainable === trainable).reduce((sum, spec) => sum + size(spec.shape), 0);
      expect(count(true)).toBe(expected.trainable_params);
      expect(count(false)).toBe(expected.nontrainable_params);
      expectParity({
        item: `Variables of ${name}: names, shapes, trainable or not`,
        reference: 'google/automl network',
        cases: lines.length,
        error: sha256(lines.join('')) === expected.sha256_sorted_name_shape_T ? 0 : 1,
        measure: 'differences',
        limit: 0,
      });
    },
  );

  // Trainable totals of reference counts for other numbers of classes.
  it.each([
    ['efficientdet-d0', 1, 3_828_002],
    ['efficientdet-d1', 20, 6_569_828],
    ['efficientdet-lite0', 80, 3_237_620],
  ] as const)('of %s for %i classes add up to %i', (name, numClasses, expected) => {
    const specs = variableSpecs({ family: familyOf(name), numClasses });
    expect(specs.filter(spec => spec.trainable).reduce((sum, spec) => sum + size(spec.shape), 0)).toBe(
      expected,
    );
  });

  it('of every family can be listed', () => {
    for (const name of MODEL_NAMES)
      expect(variableSpecs({ family: familyOf(name), numClasses: 3 }).length).toBeGreaterThan(300);
  });
});

describe('forward pass', () => {
  beforeAll(async () => {
    await loadTensorFlow();
    await tf.setBackend('tensorflow');
  });

  it.each(Object.entries(GOLDEN.forward))(
    'of %s equals the official network',
    (name, { model, size: [height, width], override, result }) => {
      const row = familyOf(model as ModelName);
      const overridden: Partial<FamilyRow> = 'max_level' in override ? { maxLevel: 8, fusion: 'sum' } : {};
      const features = run({ ...row, ...overridden }, height, width);
      const tensors = namedTensors(features);
      const errors = Object.entries(result).flatMap(([key, { shape, mean, absmax, first, last }]) => {
        const tensor = tensors[key];
        if (!tensor) return [];
        expect(tensor.shape, key).toEqual(shape);
        const values = tensor.dataSync<'float32'>();
        const found = [
          values.reduce((a, b) => a + b, 0) / values.length,
          values.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
          ...values.slice(0, first.length),
          ...values.slice(-last.length),
        ];
        return largestError(found, [mean, absmax, ...first, ...last]) / absmax;
      });
      expect(errors.length).toBeGreaterThanOrEqual(20);
      expectParity({
        item: `Forward pass, every level of ${name}`,
        reference: 'google/automl network',
        cases: errors.length,
        error: Math.max(...errors),
        measure: 'of the largest value',
        limit: 1e-4,
      });
    },
  );
});

function run(family: FamilyRow, height: number, width: number): Features {
  const images = tf.tensor4d(goldenImages(height, width), [1, height, width, 3]);
  return efficientDet(images, {
    family,
    numClasses: 90,
    training: false,
    variables: new EagerVariables(goldenValues),
  });
}

function namedTensors({ inputs, pyramid, classLogits, boxDeltas }: Features): Record<string, tf.Tensor> {
  const named = (prefix: string, suffix: string, tensors: readonly tf.Tensor[]) =>
    tensors.map((tensor, i) => [`${prefix}${i + 3}${suffix}`, tensor] as const);
  return Object.fromEntries([
    ...named('P', '_in', inputs),
    ...named('fpn_P', '', pyramid),
    ...named('cls_', '', classLogits),
    ...named('box_', '', boxDeltas),
  ]);
}
