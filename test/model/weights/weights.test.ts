import { describe, expect, it } from 'vitest';
import type { VariableSpec } from '../../../src/graph/variables.js';
import { adoptWeights, assertFinite } from '../../../src/model/weights/weights.js';

const spec = (name: string, shape: number[]): VariableSpec => ({
  name,
  shape,
  trainable: true,
  initializer: { kind: 'constant', value: 0 },
});

describe('assertFinite', () => {
  it('names the tensors with NaN or infinity, and where they were read', () => {
    const tensor = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) });
    expect(() => assertFinite(new Map([['fine', tensor(1, -2)]]), 'model.ckpt-7')).not.toThrow();
    const bad = new Map([
      ['fine', tensor(1)],
      ['bad', tensor(1, NaN)],
      ['huge', tensor(-Infinity)],
    ]);
    expect(() => assertFinite(bad, 'model.ckpt-7')).toThrow(
      expect.objectContaining({
        code: 'WEIGHTS_NOT_FINITE',
        message: 'model.ckpt-7: NaN or infinity in 2 tensors: bad, huge',
      }),
    );
  });
});

describe('adoptWeights', () => {
  it('takes what fits by name and shape, and says what did not', () => {
    const values = Float32Array.of(1, 2);
    const source = new Map([
      ['fits', { shape: [2], values }],
      ['other-shape', { shape: [1, 2], values }],
      ['unwanted', { shape: [2], values }],
    ]);
    const specs = [spec('fits', [2]), spec('other-shape', [2]), spec('absent', [2])];
    expect(adoptWeights(specs, source)).toEqual({
      values: new Map([['fits', values]]),
      adopted: ['fits'],
      missing: ['absent'],
      mismatched: [{ name: 'other-shape', expected: [2], found: [1, 2] }],
      extra: ['unwanted'],
    });
  });
});
