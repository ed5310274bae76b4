import { describe, expect, it } from 'vitest';
import { type Hardware, resolvePrecision } from '../../src/training/precision.js';

const machine =
  (flags: string[], hasGpu = false) =>
  (): Hardware => ({ cpuFlags: new Set(flags), hasGpu });

describe('the precision of convolutions', () => {
  it.each([
    ['multiplies bfloat16', machine(['avx2', 'avx512_bf16']), 'bfloat16'],
    ['has tiles for it', machine(['amx_bf16']), 'bfloat16'],
    ['does not', machine(['avx2', 'avx512f']), 'float32'],
    ['is not known', machine([]), 'float32'],
    ['has a GPU beside it', machine(['avx512_bf16'], true), 'float32'],
  ] as const)('is chosen by the machine: its processor %s', (_, hardware, expected) => {
    expect(resolvePrecision('auto', hardware)).toBe(expected);
  });

  it('is what was asked for on any machine', () => {
    expect(resolvePrecision('bfloat16', machine([]))).toBe('bfloat16');
    expect(resolvePrecision('float32', machine(['avx512_bf16']))).toBe('float32');
  });
});
