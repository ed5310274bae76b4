import { availableParallelism, cpus, loadavg } from 'node:os';
import { physicalCores } from '../src/inference/onnxruntime.js';
import { thisHardware } from '../src/training/precision.js';

/** The machine that the figures were measured on: recorded with every result. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** Hardware threads that this process may use. */
  readonly threads: number;
  /** Instruction sets by which the libraries choose their code; empty where the system does not tell. */
  readonly features: readonly string[];
  readonly node: string;
  /** Load average of the minute before the benchmark: whether others were using the machine. */
  readonly load: number;
}

/** Names for the flags of /proc/cpuinfo. */
const FEATURES: Readonly<Record<string, string>> = {
  avx2: 'AVX2',
  avx512f: 'AVX512',
  avx_vnni: 'AVX-VNNI',
  avx512_vnni: 'AVX512-VNNI',
  avx512_bf16: 'AVX512-BF16',
  amx_bf16: 'AMX-BF16',
};

export const featuresOf = (cpuFlags: ReadonlySet<string>): string[] =>
  Object.entries(FEATURES).flatMap(([flag, name]) => (cpuFlags.has(flag) ? [name] : []));

export const thisMachine = (): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: physicalCores(),
  threads: availableParallelism(),
  features: featuresOf(thisHardware().cpuFlags),
  node: process.versions.node,
  load: loadavg()[0] ?? 0,
});

export const describeMachine = ({ processor, cores, threads, features, node, load }: Machine): string =>
  [
    `${cores} cores (${threads} threads) of ${processor}`,
    features.length > 0 ? `with ${features.join(', ')}` : 'instruction sets unknown',
    `Node ${node}`,
    `load ${load.toFixed(1)}`,
  ].join(', ');
