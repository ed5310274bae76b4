import * as tf from '@tensorflow/tfjs-core';
import type { Attribute, DataType } from '../graph.js';
import { RECORDING, type RecordingBackend } from '../recording-backend.js';

export type Shape4D = [number, number, number, number];

// tfjs gives each kernel its own inputs and attributes. The two types name those of all kernels; a kernel reads only what
// tfjs's definition of it has (https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/kernel_names.ts).

type InputName =
  | (
      | 'a'
      | 'b'
      | 'boxes'
      | 'condition'
      | 'dy'
      | 'e'
      | 'filter'
      | 'images'
      | 'indices'
      | 'input'
      | 'labels'
      | 'logits'
    )
  | (
      | 'mean'
      | 'offset'
      | 'output'
      | 'reserve1'
      | 'reserve2'
      | 'reserve3'
      | 'scale'
      | 'scores'
      | 'seed'
      | 'segmentIds'
    )
  | ('t' | 'value' | 'values' | 'variance' | 'x' | 'y');
export type Inputs = Readonly<Record<InputName, tf.TensorInfo>>;

export interface Attributes {
  readonly activation: 'none' | 'swish';
  readonly alignCorners?: boolean;
  readonly alpha: number;
  readonly axis: number;
  readonly batchDims: number;
  readonly begin: number[];
  readonly clipValueMax: number;
  readonly clipValueMin: number;
  readonly constantValue: number;
  readonly depth: number;
  readonly dilations?: number | [number, number];
  readonly dim: number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly dims: number | number[];
  readonly dtype: tf.DataType;
  readonly epsilon: number;
  readonly exclusive?: boolean;
  readonly filterShape: Shape4D;
  readonly filterSize: number | [number, number];
  readonly halfPixelCenters?: boolean;
  readonly inputShape: Shape4D;
  readonly iouThreshold: number;
  readonly k: number;
  readonly keepDims?: boolean;
  readonly label: number;
  readonly maxDetections: number;
  readonly numOrSizeSplits: number | number[];
  readonly numSegments: number;
  readonly offValue: number;
  readonly onValue: number;
  readonly pad: 'valid' | 'same' | number;
  readonly paddings: [number, number][];
  readonly perm: number[];
  readonly reductionIndices: number[];
  readonly reps: number[];
  readonly reverse?: boolean;
  readonly scoreThreshold: number;
  readonly shape: number[];
  readonly sigma: number;
  readonly size: number[];
  readonly sorted?: boolean;
  readonly strides: number | [number, number];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly value: number;
  readonly varianceEpsilon: number;
}

/** Records one tfjs kernel: appends its nodes and gives the shape and type of its outputs. */
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

/** An axis that may be counted from the end, counted from the front. */
export function axisOf(axis: number, shape: number[]): number {
  const [resolved = 0] = tf.util.parseAxisParam(axis, shape);
  return resolved;
}

export function registerKernels(table: KernelTable): void {
  for (const [kernelName, kernel] of Object.entries(table)) {
    tf.registerKernel({
      kernelName,
      backendName: RECORDING,
      kernelFunc: ({ inputs, backend, attrs }) =>
        kernel(
          backend as RecordingBackend,
          inputs as unknown as Inputs,
          (attrs ?? {}) as unknown as Attributes,
        ),
    });
  }
}
