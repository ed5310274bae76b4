import { readFileSync } from 'node:fs';
import type { Training } from '../config/run.js';
import type { Precision } from '../graph/graph.js';
import { hasNvidiaGpu } from '../native/libtensorflow.js';

export interface Hardware {
  /** Instruction sets of the processor as Linux names them; empty on other systems. */
  readonly cpuFlags: ReadonlySet<string>;
  readonly hasGpu: boolean;
}

/** Instruction sets that multiply bfloat16; emulated it is slower than float32. */
const BFLOAT16_FLAGS = ['avx512_bf16', 'amx_bf16'];

export const thisHardware = (): Hardware => ({ cpuFlags: cpuFlags(), hasGpu: hasNvidiaGpu() });

/** The precision that `auto` stands for on this hardware. On GPUs it is float32, for which TensorFlow uses TF32 where it can. */
export function resolvePrecision(wanted: Training['precision'], hardware: () => Hardware): Precision {
  if (wanted !== 'auto') return wanted;
  const { cpuFlags, hasGpu } = hardware();
  return !hasGpu && BFLOAT16_FLAGS.some(flag => cpuFlags.has(flag)) ? 'bfloat16' : 'float32';
}

function cpuFlags(): Set<string> {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    return new Set(flags.trim().split(/\s+/));
  } catch {
    return new Set(); // not Linux
  }
}
