import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { errors } from '../errors/index.js';

type Onnxruntime = typeof import('onnxruntime-node');

/** Loads the native library, once. */
export async function loadOnnxruntime(): Promise<Onnxruntime> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw errors.onnxruntimeNotProvided(cause);
  }
}

/** The number of physical cores that this process may use: two threads of one core only wait for each other. */
export function physicalCores(cpuinfo = readCpuinfo()): number {
  const valuesOf = (key: string): string[] =>
    [...cpuinfo.matchAll(new RegExp(`^${key}\\s*:\\s*(\\d+)$`, 'gm'))].map(([, value]) => value!);
  const [packages, cores] = [valuesOf('physical id'), valuesOf('core id')];
  const distinct = new Set(cores.map((core, i) => `${packages[i]}/${core}`)).size;
  return Math.max(1, Math.min(distinct || Infinity, availableParallelism()));
}

/** Linux tells which processors share a core; other systems do not. */
function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
