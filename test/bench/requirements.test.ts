import { describe, expect, it } from 'vitest';
import { describeMachine, featuresOf, thisMachine } from '../../bench/machine.js';
import { unmetRequirement } from '../../bench/requirements.js';

const AVX2 = new Set(['avx', 'avx2', 'fma']);
const EPYC = new Set([...AVX2, 'avx512f', 'avx512_vnni', 'avx512_bf16']);

describe('what a candidate needs of the processor', () => {
  it.each(['effdet-bf16', 'detdistill, bfloat16'])('excludes %s where bfloat16 would be emulated', name => {
    expect(unmetRequirement(name, AVX2)).toBe('the processor has neither AVX512-BF16 nor AMX-BF16');
    expect(unmetRequirement(name, EPYC)).toBeNull();
    expect(unmetRequirement(name, new Set([...AVX2, 'amx_bf16']))).toBeNull();
  });

  it.each(['effdet-fp32', 'effdet-channels-last', 'detdistill, float32'])('lets %s run everywhere', name => {
    expect(unmetRequirement(name, new Set())).toBeNull();
  });
});

describe('the description of the machine', () => {
  it('names the instruction sets by which libraries choose their code', () => {
    expect(featuresOf(AVX2)).toEqual(['AVX2']);
    expect(featuresOf(EPYC)).toEqual(['AVX2', 'AVX512', 'AVX512-VNNI', 'AVX512-BF16']);
    const machine = { ...thisMachine(), features: featuresOf(EPYC), load: 0.25 };
    expect(describeMachine(machine)).toContain('with AVX2, AVX512, AVX512-VNNI, AVX512-BF16, Node');
    expect(describeMachine({ ...machine, features: [] })).toContain('instruction sets unknown');
  });
});
