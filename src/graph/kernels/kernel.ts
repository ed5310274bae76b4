import * as tf from '@tensorflow/tfjs-core';
import type { Attribute, DataType } from '../graph.js';
import { RECORDING, type RecordingBackend } from '../recording-backend.js';

export type Inputs = Readonly<Record<string, tf.TensorInfo>>;
export type Attributes = Readonly<Record<string, unknown>>;

/** How one tfjs kernel is recorded: the nodes it appends, and the shape of what comes out. */
export type Kernel = (
  backend: RecordingBackend,
  inputs: Inputs,
  attributes: Attributes,
) => tf.TensorInfo | tf.TensorInfo[];
export type KernelTable = Readonly<Record<string, Kernel>>;

/** tfjs's element type under TensorFlow's name. */
export function dataType(dtype: tf.DataType): DataType {
  if (dtype === 'complex64') throw new TypeError('complex numbers are not recorded');
  return dtype;
}

export const typeOf = (dtype: tf.DataType): Attribute => ({ type: dataType(dtype) });
export const INT32: Attribute = { type: 'int32' };

export function registerKernels(table: KernelTable): void {
  for (const [kernelName, kernel] of Object.entries(table)) {
    tf.registerKernel({
      kernelName,
      backendName: RECORDING,
      kernelFunc: ({ inputs, backend, attrs }) =>
        // tfjs types inputs and attributes by kernel; the tables name only kernels of single tensors.
        kernel(backend as RecordingBackend, inputs as unknown as Inputs, (attrs ?? {}) as Attributes),
    });
  }
}
