import * as tf from '@tensorflow/tfjs-core';
import { FUSED_BATCH_NORM, FUSED_BATCH_NORM_GRAD, NORMALISED_SWISH_GRAD } from '../ops.js';
import { type Attribute, first, type Output, outputsOf } from '../graph.js';
import { channelAffine, foldBatchNorm } from '../batch-norm-folding.js';
import { addProduct } from '../mixed-precision.js';
import type { RecordingBackend } from '../recording-backend.js';
import { call, swishGradOf, swishOf } from './elementwise.js';
import {
  type Attributes,
  type Inputs,
  INT32,
  type Kernel,
  type KernelTable,
  type Shape4D,
  typeOf,
} from './kernel.js';

type Convolution = tf.backend_util.Conv2DInfo;

const FLOAT = typeOf('float32');
const NHWC: Attribute = { text: 'NHWC' };

function convolution(
  x: readonly number[],
  filter: readonly number[],
  options: { attributes: Attributes; depthwise: boolean },
): Convolution {
  const { strides, dilations = 1, pad, dimRoundingMode } = options.attributes;
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
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  return tf.backend_util.computePool2DInfo(x as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
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

interface Recipe {
  readonly op: string;
  readonly depthwise: boolean;
}

interface Operands {
  /** The two tensors that are multiplied, in the operation's order. */
  readonly factors: readonly [Output, Output];
  /** A further input, the result's shape, and its place among the inputs. */
  readonly extra?: { readonly input: Output; readonly at: number };
  readonly info: Convolution;
  readonly shape: readonly number[];
}

function emitConvolution(
  backend: RecordingBackend,
  { op, depthwise }: Recipe,
  { factors, extra, info, shape }: Operands,
): tf.TensorInfo {
  const build = (operands: readonly Output[], T: Attribute): Output => {
    const inputs = extra ? operands.toSpliced(extra.at, 0, extra.input) : operands;
    return first(backend.graph.add(op, inputs, { attributes: { ...convolutionAttributes(info), T } }));
  };
  const output = depthwise
    ? build(factors, FLOAT)
    : addProduct(backend.graph, { factors, channels: channelsOf(info) }, build);
  return backend.wrap(output, { shape, dtype: 'float32' });
}

const channelsOf = ({
  filterHeight,
  filterWidth,
  inChannels,
  outChannels,
}: Convolution): [number, number] => [filterHeight * filterWidth * inChannels, outChannels];

/** TensorFlow's SAME and VALID only: what the networks use. The sizes of a free batch come from the tensor itself. */
const forward =
  (recipe: Recipe): Kernel =>
  (backend, { x, filter }, attributes) => {
    const info = convolution(x.shape, filter.shape, { attributes, depthwise: recipe.depthwise });
    const factors = [backend.outputOf(x), backend.outputOf(filter)] as const;
    return emitConvolution(backend, recipe, { factors, info, shape: info.outShape });
  };

const toInput =
  (recipe: Recipe): Kernel =>
  (backend, { dy, filter }, attributes) => {
    const shape = attributes.inputShape;
    const info = convolution(shape, filter.shape, { attributes, depthwise: recipe.depthwise });
    const factors = [backend.outputOf(filter), backend.outputOf(dy)] as const;
    const extra = { input: backend.ints(shape), at: 0 };
    return emitConvolution(backend, recipe, { factors, extra, info, shape });
  };

const toFilter =
  (recipe: Recipe): Kernel =>
  (backend, { x, dy }, attributes) => {
    const shape = attributes.filterShape;
    const info = convolution(x.shape, shape, { attributes, depthwise: recipe.depthwise });
    const factors = [backend.outputOf(x), backend.outputOf(dy)] as const;
    if (!recipe.depthwise && isPointwise(info)) return pointwiseToFilter(backend, factors, info);
    const extra = { input: backend.ints(shape), at: 1 };
    return emitConvolution(backend, recipe, { factors, extra, info, shape });
  };

const isPointwise = ({ filterHeight, filterWidth, strideHeight, strideWidth }: Convolution): boolean =>
  [filterHeight, filterWidth, strideHeight, strideWidth].every(value => value === 1);

/** A matrix product over pixels as rows, xᵀ · dy: oneDNN multiplies faster than it convolves. */
function pointwiseToFilter(
  backend: RecordingBackend,
  factors: readonly [Output, Output],
  info: Convolution,
): tf.TensorInfo {
  const { graph } = backend;
  const { inChannels, outChannels } = info;
  const product = addProduct(graph, { factors, channels: channelsOf(info) }, ([x, dy], T) => {
    const rows = (output: Output, channels: number): Output =>
      first(
        graph.add('Reshape', [output, backend.ints([-1, channels])], { attributes: { T, Tshape: INT32 } }),
      );
    const attributes = { T, transpose_a: { bool: true }, transpose_b: { bool: false } };
    return first(graph.add('MatMul', [rows(x, inChannels), rows(dy, outChannels)], { attributes }));
  });
  const shape = [1, 1, inChannels, outChannels];
  const attributes = { T: FLOAT, Tshape: INT32 };
  return backend.emit('Reshape', [product, backend.ints(shape)], { shape, dtype: 'float32' }, { attributes });
}

const resize =
  (op: string): Kernel =>
  (backend, { images }, { size, alignCorners, halfPixelCenters }) => {
    const [height, width] = size as [number, number];
    const shape = [images.shape[0]!, height, width, images.shape[3]!];
    const attributes = resizeAttributes(alignCorners, halfPixelCenters);
    return backend.emit(
      op,
      [backend.outputOf(images), backend.ints([height, width])],
      { shape, dtype: 'float32' },
      { attributes },
    );
  };

const resizeAttributes = (
  alignCorners: boolean | undefined,
  halfPixelCenters: boolean | undefined,
): Record<string, Attribute> => ({
  T: FLOAT,
  align_corners: { bool: Boolean(alignCorners) },
  half_pixel_centers: { bool: Boolean(halfPixelCenters) },
});

const batchNormAttributes = (epsilon: number, training: boolean): Record<string, Attribute> => ({
  T: FLOAT,
  U: FLOAT,
  epsilon: { float: epsilon },
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

function foldedBatchNorm(
  backend: RecordingBackend,
  { x, ...parameters }: Pick<Inputs, 'x'> & Partial<Pick<Inputs, 'mean' | 'variance' | 'scale' | 'offset'>>,
  epsilon: number,
): Output | null {
  const [mean, variance, scale, offset] = (['mean', 'variance', 'scale', 'offset'] as const).map(
    name => parameters[name] && (backend.constantValues(parameters[name]) as Float32Array | undefined),
  );
  if (!mean || !variance || !scale || !offset) return null;
  const map = channelAffine({ mean, variance, scale, offset }, epsilon);
  return foldBatchNorm(backend.graph, backend.outputOf(x), map);
}

export const CONVOLUTION: KernelTable = {
  Conv2D: forward({ op: 'Conv2D', depthwise: false }),
  Conv2DBackpropInput: toInput({ op: 'Conv2DBackpropInput', depthwise: false }),
  Conv2DBackpropFilter: toFilter({ op: 'Conv2DBackpropFilter', depthwise: false }),
  DepthwiseConv2dNative: forward({ op: 'DepthwiseConv2dNative', depthwise: true }),
  DepthwiseConv2dNativeBackpropInput: toInput({
    op: 'DepthwiseConv2dNativeBackpropInput',
    depthwise: true,
  }),
  DepthwiseConv2dNativeBackpropFilter: toFilter({
    op: 'DepthwiseConv2dNativeBackpropFilter',
    depthwise: true,
  }),
  MaxPool: (backend, { x }, attributes) => {
    const info = pooling(x.shape, attributes);
    return backend.emit(
      'MaxPool',
      [backend.outputOf(x)],
      { shape: info.outShape, dtype: 'float32' },
      { attributes: poolingAttributes(info) },
    );
  },
  MaxPoolGrad: (backend, { dy, input, output }, attributes) => {
    const info = pooling(input.shape, attributes);
    const inputs = [backend.outputOf(input), backend.outputOf(output), backend.outputOf(dy)];
    return backend.emit('MaxPoolGrad', inputs, input, { attributes: poolingAttributes(info) });
  },
  AvgPool: (backend, { x }, attributes) => {
    const info = pooling(x.shape, attributes);
    return backend.emit(
      'AvgPool',
      [backend.outputOf(x)],
      { shape: info.outShape, dtype: 'float32' },
      { attributes: poolingAttributes(info) },
    );
  },
  ResizeNearestNeighbor: resize('ResizeNearestNeighbor'),
  ResizeBilinear: resize('ResizeBilinear'),
  ResizeNearestNeighborGrad: (backend, { images, dy }, { alignCorners, halfPixelCenters }) => {
    const size = backend.ints(images.shape.slice(1, 3));
    const attributes = resizeAttributes(alignCorners, halfPixelCenters);
    return backend.emit('ResizeNearestNeighborGrad', [backend.outputOf(dy), size], images, { attributes });
  },
  ResizeBilinearGrad: (backend, { images, dy }, { alignCorners, halfPixelCenters }) => {
    const attributes = resizeAttributes(alignCorners, halfPixelCenters);
    return backend.emit('ResizeBilinearGrad', [backend.outputOf(dy), backend.outputOf(images)], images, {
      attributes,
    });
  },
  /** Batch norm in inference, with moving statistics. Where all of them are constants, it becomes part of the convolution. */
  FusedBatchNorm: (backend, { x, mean, variance, scale, offset }, { varianceEpsilon }) => {
    const channels = x.shape[3]!;
    const folded = foldedBatchNorm(backend, { x, mean, variance, scale, offset }, varianceEpsilon);
    if (folded) return backend.wrap(folded, x);
    const inputs = [
      backend.outputOf(x),
      perChannel(backend, scale, { channels, value: 1 }),
      perChannel(backend, offset, { channels, value: 0 }),
      backend.outputOf(mean),
      backend.outputOf(variance),
    ];
    return backend.emit('FusedBatchNormV3', inputs, x, {
      attributes: batchNormAttributes(varianceEpsilon, false),
    });
  },
  [FUSED_BATCH_NORM]: (backend, { x, scale, offset }, { epsilon, activation }) => {
    const channels = x.shape[3]!;
    const empty = backend.graph.constant({ dtype: 'float32', shape: [0], values: new Float32Array() });
    const inputs = [backend.outputOf(x), backend.outputOf(scale), backend.outputOf(offset), empty, empty];
    const attributes = { ...batchNormAttributes(epsilon, true), exponential_avg_factor: { float: 1 } };
    const node = backend.graph.add('FusedBatchNormV3', inputs, { attributes });
    const [y, ...rest] = outputsOf(node, 6);
    const ofChannels = rest.map((output, i) =>
      backend.wrap(output, { shape: [i === 4 ? 0 : channels], dtype: 'float32' }),
    );
    return [backend.wrap(activation === 'swish' ? swishOf(backend, y) : y, x), ...ofChannels];
  },
  /** dy · swish'(norm(x)). The norm is computed again, after dy: computed earlier, it would have to be kept. */
  [NORMALISED_SWISH_GRAD]: (backend, { dy, x, mean, variance, scale, offset }, { epsilon }) => {
    const { graph } = backend;
    const [gradient, input] = [backend.outputOf(dy), backend.outputOf(x)];
    const [mu, square, gamma, beta] = [mean, variance, scale, offset].map(one => backend.outputOf(one));
    if (graph.useXla) {
      const small = graph.constant({
        dtype: 'float32',
        shape: [],
        values: Float32Array.of(epsilon),
      });
      const inputs = [gradient, input, mu!, square!, gamma!, beta!, small];
      return backend.wrap(call(graph, 'NormalisedSwishGradient', inputs), x);
    }
    const attributes = { T: { type: 'float32' as const } };
    const late = first(graph.add('Identity', [input], { attributes, controls: [gradient.node] }));
    const again = graph.add('FusedBatchNormV3', [late, gamma!, beta!, mu!, square!], {
      attributes: batchNormAttributes(epsilon, false),
    });
    return backend.wrap(swishGradOf(backend, gradient, first(again)), x);
  },
  [FUSED_BATCH_NORM_GRAD]: (backend, { dy, x, scale, reserve1, reserve2, reserve3 }, { epsilon }) => {
    const inputs = [dy, x, scale, reserve1, reserve2, reserve3].map(tensor => backend.outputOf(tensor));
    const node = backend.graph.add('FusedBatchNormGradV3', inputs, {
      attributes: batchNormAttributes(epsilon, true),
    });
    const [toX, toScale, toOffset] = outputsOf(node, 3);
    return [backend.wrap(toX!, x), backend.wrap(toScale!, scale), backend.wrap(toOffset!, scale)];
  },
};
