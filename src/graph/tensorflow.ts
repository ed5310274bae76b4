import { createRequire } from 'node:module';
import util from 'node:util';

type TensorFlow = typeof import('@tensorflow/tfjs-node-gpu');

/** Loads the native library, once, quietly. */
export async function loadTensorFlow(): Promise<TensorFlow> {
  // Both are read when the library is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  // Gone in Node 23, still called by tfjs-node.
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
  const tensorFlow = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu') as TensorFlow;
  await import('./eager-kernels.js');
  return tensorFlow;
}
