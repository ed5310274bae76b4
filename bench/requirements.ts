import { resolvePrecision, thisHardware } from '../src/training/precision.js';

/** What a candidate needs of the processor, and how its absence is explained. */
interface Requirement {
  readonly isMet: (cpuFlags: ReadonlySet<string>) => boolean;
  readonly absence: string;
}

/** Without these instructions the libraries emulate bfloat16, and one training step takes minutes. */
const BFLOAT16: Requirement = {
  isMet: cpuFlags => resolvePrecision('auto', () => ({ cpuFlags, hasGpu: false })) === 'bfloat16',
  absence: 'the processor has neither AVX512-BF16 nor AMX-BF16',
};

/** Candidates by name; those that are not listed run on every processor that the libraries support. */
const REQUIREMENTS: Readonly<Record<string, Requirement>> = {
  'detdistill, bfloat16': BFLOAT16,
  'effdet-bf16': BFLOAT16, // effdet_train.py also asks PyTorch
};

/** Why a candidate cannot run on this processor, or null. */
export function unmetRequirement(name: string, cpuFlags = thisHardware().cpuFlags): string | null {
  const requirement = REQUIREMENTS[name];
  return requirement === undefined || requirement.isMet(cpuFlags) ? null : requirement.absence;
}
