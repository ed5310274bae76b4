import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import type { EngineName } from '../../src/settings.js';

/** The versions of the libraries that our programs use. */
export async function ownVersions(engine: EngineName | null): Promise<Record<string, string>> {
  const node = { Node: process.versions.node };
  if (engine === null) return node;
  const version = engine === 'tensorflow' ? await tensorFlowVersion() : await onnxruntimeVersion();
  return { ...node, [engine]: version };
}

async function tensorFlowVersion(): Promise<string> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  // The backend of tfjs-node keeps its addon under this name.
  return (tf.backend() as unknown as { binding: { TF_Version: string } }).binding.TF_Version;
}

async function onnxruntimeVersion(): Promise<string> {
  const file = new URL('../../../node_modules/onnxruntime-node/package.json', import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}
