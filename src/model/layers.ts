import * as tf from '@tensorflow/tfjs-core';
import { fusedBatchNorm, swish } from '../graph/ops.js';
import type { Initializer, Variables, VariableSpec } from '../graph/variables.js';

/** The properties of a network that all of its layers share. */
export interface Context {
  readonly variables: Variables;
  /** Whether stochastic depth is on, and norms that are not frozen use and update batch statistics. */
  readonly training: boolean;
  /** Whether norms use their moving statistics in training, too, and leave them as they are. */
  readonly hasFrozenNorms: boolean;
  readonly activation: 'swish' | 'relu6';
  /** int32 [2], different in every step; null: no stochastic depth. */
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

/** Batch normalisation, then the activation. */
export function activatedNorm(context: Context, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const { activation } = context;
  if (usesBatchStatistics(context) && activation === 'swish') return norm(context, name, { x, activation });
  return activate(norm(context, name, { x }), context);
}

const usesBatchStatistics = ({ training, hasFrozenNorms }: Context): boolean => training && !hasFrozenNorms;

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
  if (context.hasFrozenNorms) {
    // The same as above, in operations whose gradients are cheap.
    const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, EPSILON)));
    return tf.add(tf.mul(x, factor), tf.sub(offset, tf.mul(mean, factor)));
  }
  const normalised = fusedBatchNorm(x, { scale, offset, epsilon: EPSILON, activation });
  context.variables.follow(statistics[0], normalised.mean, 1 - MOMENTUM);
  context.variables.follow(statistics[1], normalised.variance, 1 - MOMENTUM);
  return normalised.y;
}

interface ConvOptions {
  /** [batch, h, w, channels] */
  readonly x: tf.Tensor4D;
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides?: number;
  readonly initializer: Initializer;
  readonly useBias?: boolean;
}

/** SAME convolution; variables NAME/kernel [k, k, in, out] and NAME/bias. */
export function conv(
  context: Context,
  name: string,
  { x, filters, kernelSize, strides = 1, initializer, useBias = false }: ConvOptions,
): tf.Tensor4D {
  const shape = [kernelSize, kernelSize, x.shape[3], filters];
  const kernel = parameter(context, `${name}/kernel`, { shape, initializer }) as tf.Tensor4D;
  const y = tf.conv2d(x, kernel, strides, 'same');
  return useBias ? tf.add(y, bias(context, name, { channels: filters })) : y;
}

/** SAME depthwise convolution; variable NAME/depthwise_kernel [k, k, channels, 1]. */
export function depthwiseConv(
  context: Context,
  name: string,
  { x, kernelSize, strides = 1, initializer }: Omit<ConvOptions, 'filters' | 'useBias'>,
): tf.Tensor4D {
  const shape = [kernelSize, kernelSize, x.shape[3], 1];
  const kernel = parameter(context, `${name}/depthwise_kernel`, { shape, initializer }) as tf.Tensor4D;
  return tf.depthwiseConv2d(x, kernel, strides, 'same');
}

interface SeparableOptions {
  /** [batch, h, w, channels] */
  readonly x: tf.Tensor4D;
  readonly filters: number;
  readonly depthwise: Initializer;
  readonly pointwise: Initializer;
  readonly biasInitializer?: Initializer;
}

/** 3×3 depthwise, then 1×1 with bias; variables NAME/depthwise_kernel, NAME/pointwise_kernel [1, 1, in, out], NAME/bias. */
export function separableConv(
  context: Context,
  name: string,
  { x, filters, depthwise, pointwise, biasInitializer }: SeparableOptions,
): tf.Tensor4D {
  const spread = depthwiseConv(context, name, { x, kernelSize: 3, initializer: depthwise });
  const shape = [1, 1, x.shape[3], filters];
  const kernel = parameter(context, `${name}/pointwise_kernel`, {
    shape,
    initializer: pointwise,
  }) as tf.Tensor4D;
  const offset = bias(context, name, { channels: filters, initializer: biasInitializer });
  return tf.add(tf.conv2d(spread, kernel, 1, 'same'), offset);
}

/** The Glorot uniform initialiser of Keras. */
export const glorotUniform = (fanIn: number, fanOut: number): Initializer => ({
  kind: 'uniform',
  limit: Math.sqrt(6 / (fanIn + fanOut)),
});

/** The variance scaling of Keras (scale 1, fan in); dividing by .8796 restores the variance that truncation removes. */
export const fanInTruncated = (fanIn: number): Initializer => ({
  kind: 'truncated-normal',
  std: Math.sqrt(1 / fanIn) / 0.87962566103423978,
});
