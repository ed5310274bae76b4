import * as tf from '@tensorflow/tfjs-core';
import { fusedBatchNorm, swish } from '../graph/ops.js';
import type { Initializer, Variables, VariableSpec } from '../graph/variables.js';

/** What every layer needs of the network that it is in. */
export interface Context {
  readonly variables: Variables;
  /** Training: batch statistics, moving statistics updated, stochastic depth. */
  readonly training: boolean;
  readonly activation: 'swish' | 'relu6';
  /** Two int32, another pair every step; null: no stochastic depth. */
  readonly dropSeed: tf.Tensor1D | null;
}

const MOMENTUM = 0.99;
const EPSILON = 1e-3;
const ZERO: Initializer = { kind: 'constant', value: 0 };
const ONE: Initializer = { kind: 'constant', value: 1 };

export const activate = <T extends tf.Tensor>(x: T, { activation }: Pick<Context, 'activation'>): T =>
  activation === 'swish' ? swish(x) : tf.relu6(x);

function parameter(
  context: Context,
  name: string,
  { shape, initializer }: { shape: readonly number[]; initializer: Initializer },
): tf.Tensor {
  return context.variables.read({ name, shape, initializer, trainable: true });
}

export const bias = (
  context: Context,
  name: string,
  { channels, initializer = ZERO }: { channels: number; initializer?: Initializer },
): tf.Tensor1D => parameter(context, `${name}/bias`, { shape: [channels], initializer }) as tf.Tensor1D;

/** Batch normalisation over channels, momentum .99, epsilon .001. x: [batch, h, w, channels]. */
export const batchNorm = (context: Context, name: string, x: tf.Tensor4D): tf.Tensor4D =>
  norm(context, name, { x });

/** The same, and the activation. */
export function activatedNorm(context: Context, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const { activation, training } = context;
  if (training && activation === 'swish') return norm(context, name, { x, activation });
  return activate(norm(context, name, { x }), context);
}

function norm(
  context: Context,
  name: string,
  { x, activation }: { x: tf.Tensor4D; activation?: 'swish' },
): tf.Tensor4D {
  const shape = [x.shape[3]];
  const scale = parameter(context, `${name}/gamma`, { shape, initializer: ONE }) as tf.Tensor1D;
  const offset = parameter(context, `${name}/beta`, { shape, initializer: ZERO }) as tf.Tensor1D;
  const statistic = (suffix: string, initializer: Initializer): VariableSpec => ({
    name: `${name}/${suffix}`,
    shape,
    initializer,
    trainable: false,
  });
  const statistics = [statistic('moving_mean', ZERO), statistic('moving_variance', ONE)] as const;
  const [mean, variance] = statistics.map(spec => context.variables.read(spec)) as [tf.Tensor1D, tf.Tensor1D];
  if (!context.training) return tf.batchNorm(x, mean, variance, offset, scale, EPSILON);
  const normalised = fusedBatchNorm(x, { scale, offset, epsilon: EPSILON, activation });
  context.variables.follow(statistics[0], normalised.mean, 1 - MOMENTUM);
  context.variables.follow(statistics[1], normalised.variance, 1 - MOMENTUM);
  return normalised.y;
}

export interface ConvOptions {
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides?: number;
  readonly initializer: Initializer;
  readonly useBias?: boolean;
}

/** SAME convolution; variables NAME/kernel [k, k, in, out] and NAME/bias. */
export function conv(context: Context, name: string, x: tf.Tensor4D, options: ConvOptions): tf.Tensor4D {
  const { filters, kernelSize, strides = 1, initializer, useBias = false } = options;
  const shape = [kernelSize, kernelSize, x.shape[3], filters];
  const kernel = parameter(context, `${name}/kernel`, { shape, initializer }) as tf.Tensor4D;
  const y = tf.conv2d(x, kernel, strides, 'same');
  return useBias ? tf.add(y, bias(context, name, { channels: filters })) : y;
}

/** SAME depthwise convolution; variable NAME/depthwise_kernel [k, k, channels, 1]. */
export function depthwiseConv(
  context: Context,
  name: string,
  x: tf.Tensor4D,
  {
    kernelSize,
    strides = 1,
    initializer,
  }: { kernelSize: number; strides?: number; initializer: Initializer },
): tf.Tensor4D {
  const shape = [kernelSize, kernelSize, x.shape[3], 1];
  const kernel = parameter(context, `${name}/depthwise_kernel`, { shape, initializer }) as tf.Tensor4D;
  return tf.depthwiseConv2d(x, kernel, strides, 'same');
}

export interface SeparableOptions {
  readonly filters: number;
  readonly depthwise: Initializer;
  readonly pointwise: Initializer;
  readonly biasInitializer?: Initializer;
}

/** 3×3 depthwise, then 1×1 with bias: depthwise_kernel, pointwise_kernel [1, 1, in, out], bias. */
export function separableConv(
  context: Context,
  name: string,
  x: tf.Tensor4D,
  options: SeparableOptions,
): tf.Tensor4D {
  const { filters, depthwise, pointwise, biasInitializer } = options;
  const spread = depthwiseConv(context, name, x, { kernelSize: 3, initializer: depthwise });
  const shape = [1, 1, x.shape[3], filters];
  const kernel = parameter(context, `${name}/pointwise_kernel`, {
    shape,
    initializer: pointwise,
  }) as tf.Tensor4D;
  const offset = bias(context, name, { channels: filters, initializer: biasInitializer });
  return tf.add(tf.conv2d(spread, kernel, 1, 'same'), offset);
}

/** Keras' glorot uniform. */
export const glorotUniform = (fanIn: number, fanOut: number): Initializer => ({
  kind: 'uniform',
  limit: Math.sqrt(6 / (fanIn + fanOut)),
});

/** Keras' variance scaling (scale 1, fan in): the .8796 corrects what the truncation takes away. */
export const fanInTruncated = (fanIn: number): Initializer => ({
  kind: 'truncated-normal',
  std: Math.sqrt(1 / fanIn) / 0.87962566103423978,
});
