import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';
import { errors } from '../errors.js';
import { FROZEN_INPUT } from './model-card.js';

type Onnxruntime = typeof import('onnxruntime-node');

/** Loads the native library, once. */
export async function loadOnnxruntime(): Promise<Onnxruntime> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw errors.onnxruntimeNotProvided(cause);
  }
}

/** Answers with its outputs by name, which are overwritten by the next call. */
export type RunNetwork = (
  images: Float32Array,
  shape: readonly [batch: number, height: number, width: number, channels: number],
) => Promise<InferenceSession.OnnxValueMapType>;

/**
 * An ONNX network for pictures of one shape. Its outputs are always the same memory: onnxruntime would copy them to new memory,
 * and getting 14 MB of D0's from the system page by page takes a fifth of the prediction.
 */
export async function openNetwork(file: string): Promise<RunNetwork> {
  const { InferenceSession, Tensor } = await loadOnnxruntime();
  const session = await InferenceSession.create(file, { intraOpNumThreads: physicalCores() }).catch(
    (cause: unknown) => {
      throw errors.modelUnreadable(file, cause);
    },
  );
  let outputs: InferenceSession.OnnxValueMapType | undefined;
  return async (images, shape) => {
    const feeds = { [FROZEN_INPUT]: new Tensor('float32', images, shape) };
    outputs = outputs ? await session.run(feeds, outputs) : await session.run(feeds);
    return outputs;
  };
}

/** Cores that this process may use: two threads of one core only wait for each other. */
export function physicalCores(cpuinfo = readCpuinfo()): number {
  const valuesOf = (key: string): string[] =>
    [...cpuinfo.matchAll(new RegExp(`^${key}\\s*:\\s*(\\d+)$`, 'gm'))].map(([, value]) => value!);
  const [packages, cores] = [valuesOf('physical id'), valuesOf('core id')];
  const distinct = new Set(cores.map((core, i) => `${packages[i]}/${core}`)).size;
  return Math.max(1, Math.min(distinct || Infinity, availableParallelism()));
}

/** Linux says which processors share a core; elsewhere nothing is known. */
function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
