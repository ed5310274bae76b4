import * as tf from '@tensorflow/tfjs-core';
import { FUSED_BATCH_NORM, FUSED_BATCH_NORM_GRAD } from '../ops.js';
import { type Attribute, first, type Output, outputsOf } from '../graph.js';
import type { RecordingBackend } from '../recording-backend.js';
import { swishOf } from './elementwise.js';
import { type Attributes, INT32, type Kernel, type KernelTable, typeOf } from './kernel.js';

type Shape4D = [number, number, number, number];
type Convolution = tf.backend_util.Conv2DInfo;

interface Spatial {
  readonly strides: number | [number, number];
  readonly dilations?: number | [number, number];
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly filterSize?: number | [number, number];
}

const FLOAT = typeOf('float32');
const NHWC: Attribute = { text: 'NHWC' };

function convolution(
  x: readonly number[],
  filter: readonly number[],
  options: { attributes: Attributes; depthwise: boolean },
): Convolution {
  const { strides, dilations = 1, pad, dimRoundingMode } = options.attributes as unknown as Spatial;
  const shapes = [x, filter] as [Shape4D, Shape4D];
  return tf.backend_util.computeConv2DInfo(
    ...shapes,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    options.depthwise,
  );
}

function pooling(x: readonly number[], attributes: Attributes): Convolution {
  const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as Spatial;
  return tf.backend_util.computePool2DInfo(x as Shape4D, filterSize!, strides, 1, pad, dimRoundingMode);
}

const stepsOf = ({ strideHeight, strideWidth, padInfo }: Convolution): Record<string, Attribute> => ({
  T: FLOAT,
  strides: { ints: [1, strideHeight, strideWidth, 1] },
  padding: { text: padInfo.type },
  data_format: NHWC,
});

const convolutionAttributes = (info: Convolution): Record<string, Attribute> => ({
  ...stepsOf(info),
  dilations: { ints: [1, info.dilationHeight, info.dilationWidth, 1] },
});

const poolingAttributes = (info: Convolution): Record<string, Attribute> => ({
  ...stepsOf(info),
  ksize: { ints: [1, info.filterHeight, info.filterWidth, 1] },
});

/** TensorFlow's SAME and VALID only: what the networks use. The sizes of a free batch come from the tensor itself. */
const forward =
  (op: string, depthwise: boolean): Kernel =>
  (backend, { x, filter }, attributes) => {
    const info = convolution(x!.shape, filter!.shape, { attributes, depthwise });
    const inputs = [backend.outputOf(x!), backend.outputOf(filter!)];
    return backend.emit(
      op,
      inputs,
      { shape: info.outShape, dtype: 'float32' },
      { attributes: convolutionAttributes(info) },
    );
  };

const toInput =
  (op: string, depthwise: boolean): Kernel =>
  (backend, { dy, filter }, attributes) => {
    const shape = attributes.inputShape as Shape4D;
    const info = convolution(shape, filter!.shape, { attributes, depthwise });
    const inputs = [backend.ints(shape), backend.outputOf(filter!), backend.outputOf(dy!)];
    return backend.emit(op, inputs, { shape, dtype: 'float32' }, { attributes: convolutionAttributes(info) });
  };

const toFilter =
  (op: string, depthwise: boolean): Kernel =>
  (backend, { x, dy }, attributes) => {
    const shape = attributes.filterShape as Shape4D;
    const info = convolution(x!.shape, shape, { attributes, depthwise });
    if (!depthwise && isPointwise(info)) return pointwiseToFilter(backend, { x: x!, dy: dy! }, shape);
    const inputs = [backend.outputOf(x!), backend.ints(shape), backend.outputOf(dy!)];
    return backend.emit(op, inputs, { shape, dtype: 'float32' }, { attributes: convolutionAttributes(info) });
  };

const isPointwise = ({ filterHeight, filterWidth, strideHeight, strideWidth }: Convolution): boolean =>
  [filterHeight, filterWidth, strideHeight, strideWidth].every(value => value === 1);

/** Pixels as rows: xᵀ · dy, which oneDNN multiplies faster than it convolves. */
function pointwiseToFilter(
  backend: RecordingBackend,
  { x, dy }: { x: tf.TensorInfo; dy: tf.TensorInfo },
  shape: Shape4D,
): tf.TensorInfo {
  const reshaped = (output: Output, to: readonly number[]): Output =>
    first(
      backend.graph.add('Reshape', [output, backend.ints(to)], {
        attributes: { T: FLOAT, Tshape: INT32 },
      }),
    );
  const rows = (tensor: tf.TensorInfo): Output =>
    reshaped(backend.outputOf(tensor), [-1, tensor.shape.at(-1)!]);
  const attributes = { T: FLOAT, transpose_a: { bool: true }, transpose_b: { bool: false } };
  const product = first(backend.graph.add('MatMul', [rows(x), rows(dy)], { attributes }));
  return backend.wrap(reshaped(product, shape), { shape, dtype: 'float32' });
}

const resize =
  (op: string): Kernel =>
  (backend, { images }, { size, alignCorners, halfPixelCenters }) => {
    const [height, width] = size as [number, number];
    const shape = [images!.shape[0]!, height, width, images!.shape[3]!];
    const attributes = resizeAttributes(alignCorners, halfPixelCenters);
    return backend.emit(
      op,
      [backend.outputOf(images!), backend.ints([height, width])],
      { shape, dtype: 'float32' },
      { attributes },
    );
  };

const resizeAttributes = (alignCorners: unknown, halfPixelCenters: unknown): Record<string, Attribute> => ({
  T: FLOAT,
  align_corners: { bool: Boolean(alignCorners) },
  half_pixel_centers: { bool: Boolean(halfPixelCenters) },
});

const batchNormAttributes = (epsilon: unknown, training: boolean): Record<string, Attribute> => ({
  T: FLOAT,
  U: FLOAT,
  epsilon: { float: epsilon as number },
  data_format: NHWC,
  is_training: { bool: training },
});

function perChannel(
  backend: RecordingBackend,
  tensor: tf.TensorInfo | undefined,
  fallback: { channels: number; value: number },
): Output {
  if (tensor) return backend.outputOf(tensor);
  const values = new Float32Array(fallback.channels).fill(fallback.value);
  return backend.graph.constant({ dtype: 'float32', shape: [fallback.channels], values });
}

export const CONVOLUTION: KernelTable = {
  Conv2D: forward('Conv2D', false),
  Conv2DBackpropInput: toInput('Conv2DBackpropInput', false),
  Conv2DBackpropFilter: toFilter('Conv2DBackpropFilter', false),
  DepthwiseConv2dNative: forward('DepthwiseConv2dNative', true),
  DepthwiseConv2dNativeBackpropInput: toInput('DepthwiseConv2dNativeBackpropInput', true),
  DepthwiseConv2dNativeBackpropFilter: toFilter('DepthwiseConv2dNativeBackpropFilter', true),
  MaxPool: (backend, { x }, attributes) => {
    const info = pooling(x!.shape, attributes);
    return backend.emit(
      'MaxPool',
      [backend.outputOf(x!)],
      { shape: info.outShape, dtype: 'float32' },
      { attributes: poolingAttributes(info) },
    );
  },
  MaxPoolGrad: (backend, { dy, input, output }, attributes) => {
    const info = pooling(input!.shape, attributes);
    const inputs = [backend.outputOf(input!), backend.outputOf(output!), backend.outputOf(dy!)];
    return backend.emit('MaxPoolGrad', inputs, input!, { attributes: poolingAttributes(info) });
  },
  AvgPool: (backend, { x }, attributes) => {
    const info = pooling(x!.shape, attributes);
    return backend.emit(
      'AvgPool',
      [backend.outputOf(x!)],
      { shape: info.outShape, dtype: 'float32' },
      { attributes: poolingAttributes(info) },
    );
  },
  ResizeNearestNeighbor: resize('ResizeNearestNeighbor'),
  ResizeBilinear: resize('ResizeBilinear'),
  ResizeNearestNeighborGrad: (backend, { images, dy }, { alignCorners, halfPixelCenters }) => {
    const size = backend.ints(images!.shape.slice(1, 3));
    const attributes = resizeAttributes(alignCorners, halfPixelCenters);
    return backend.emit('ResizeNearestNeighborGrad', [backend.outputOf(dy!), size], images!, { attributes });
  },
  ResizeBilinearGrad: (backend, { images, dy }, { alignCorners, halfPixelCenters }) => {
    const attributes = resizeAttributes(alignCorners, halfPixelCenters);
    return backend.emit('ResizeBilinearGrad', [backend.outputOf(dy!), backend.outputOf(images!)], images!, {
      attributes,
    });
  },
  /** Inference: with the moving statistics. */
  FusedBatchNorm: (backend, { x, mean, variance, scale, offset }, { varianceEpsilon }) => {
    const channels = x!.shape[3]!;
    const inputs = [
      backend.outputOf(x!),
      perChannel(backend, scale, { channels, value: 1 }),
      perChannel(backend, offset, { channels, value: 0 }),
      backend.outputOf(mean!),
      backend.outputOf(variance!),
    ];
    return backend.emit('FusedBatchNormV3', inputs, x!, {
      attributes: batchNormAttributes(varianceEpsilon, false),
    });
  },
  [FUSED_BATCH_NORM]: (backend, { x, scale, offset }, { epsilon, activation }) => {
    const channels = x!.shape[3]!;
    const empty = backend.graph.constant({ dtype: 'float32', shape: [0], values: new Float32Array() });
    const inputs = [backend.outputOf(x!), backend.outputOf(scale!), backend.outputOf(offset!), empty, empty];
    const attributes = { ...batchNormAttributes(epsilon, true), exponential_avg_factor: { float: 1 } };
    const node = backend.graph.add('FusedBatchNormV3', inputs, { attributes });
    const [y, ...rest] = outputsOf(node, 6);
    const perChannel = rest.map((output, i) =>
      backend.wrap(output, { shape: [i === 4 ? 0 : channels], dtype: 'float32' }),
    );
    return [backend.wrap(activation === 'swish' ? swishOf(backend, y!) : y!, x!), ...perChannel];
  },
  [FUSED_BATCH_NORM_GRAD]: (backend, { dy, x, scale, reserve1, reserve2, reserve3 }, { epsilon }) => {
    const inputs = [dy, x, scale, reserve1, reserve2, reserve3].map(tensor => backend.outputOf(tensor!));
    const node = backend.graph.add('FusedBatchNormGradV3', inputs, {
      attributes: batchNormAttributes(epsilon, true),
    });
    const [toX, toScale, toOffset] = outputsOf(node, 3);
    return [backend.wrap(toX!, x!), backend.wrap(toScale!, scale!), backend.wrap(toOffset!, scale!)];
  },
};
