import { describe, expect, it } from 'vitest';
import { headForClasses } from '../../../src/model/weights/class-head.js';

const ANCHORS = 9;
/** A head whose output for class i is i, for every anchor of a cell. */
const headOf = (classes: number) =>
  new Map([
    [
      'class_net/class-predict/bias',
      {
        shape: [ANCHORS * classes],
        values: Float32Array.from({ length: ANCHORS * classes }, (_, i) => i % classes),
      },
    ],
  ]);

function adopted(from: readonly string[], to: readonly string[]): { values: number[]; known: string[] } {
  const { weights, known } = headForClasses(headOf(from.length), { from, to });
  const bias = weights.get('class_net/class-predict/bias');
  return { values: [...(bias?.values.slice(0, to.length) ?? [])], known };
}

describe('the class head for other classes', () => {
  it('takes classes of the same name, whatever their case', () => {
    expect(adopted(['dog', 'cat'], ['Cat', 'tree'])).toEqual({ values: [1, NaN], known: ['Cat'] });
  });

  it('keeps classes apart that differ by their case only', () => {
    expect(adopted(['a', 'A', 'b'], ['A', 'a', 'B'])).toEqual({ values: [1, 0, 2], known: ['A', 'a', 'B'] });
    expect(adopted(['a'], ['A', 'a'])).toEqual({ values: [NaN, 0], known: ['a'] });
    expect(adopted(['a', 'A'], ['Ａ', 'B']).known).toEqual([]);
  });
});
