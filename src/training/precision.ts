import { readFileSync } from 'node:fs';
import type { Training } from '../config/run.js';
import type { Precision } from '../graph/graph.js';
import { hasNvidiaGpu } from '../native/libtensorflow.js';

export interface Hardware {
  /** What Linux says the processor can do; empty elsewhere. */
  readonly cpuFlags: ReadonlySet<string>;
  readonly hasGpu: boolean;
}

/** Instructions that multiply bfloat16; without them it is emulated, which is slower than float32. */
const MULTIPLIES_BFLOAT16 = ['avx512_bf16', 'amx_bf16'];

export const thisHardware = (): Hardware => ({ cpuFlags: cpuFlags(), hasGpu: hasNvidiaGpu() });

/** On GPUs float32, which there means TF32 where TensorFlow finds it. */
export function resolvePrecision(wanted: Training['precision'], hardware: () => Hardware): Precision {
  if (wanted !== 'auto') return wanted;
  const { cpuFlags, hasGpu } = hardware();
  return !hasGpu && MULTIPLIES_BFLOAT16.some(flag => cpuFlags.has(flag)) ? 'bfloat16' : 'float32';
}

function cpuFlags(): Set<string> {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    return new Set(flags.trim().split(/\s+/));
  } catch {
    return new Set(); // no Linux
  }
}
