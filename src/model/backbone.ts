import * as tf from '@tensorflow/tfjs-core';
import { type BackboneName, type BackboneRow, BACKBONES } from '../config/families.js';
import type { Initializer } from '../graph/variables.js';
import { statelessUniform } from '../graph/ops.js';
import { activate, activatedNorm, batchNorm, type Context, conv, depthwiseConv } from './layers.js';

/** The stages of EfficientNet-B0: google/automl `backbone/efficientnet_builder.py`. */
// prettier-ignore
const STAGES = [
  { repeats: 1, kernelSize: 3, strides: 1, expand: 1, filters: 16 },
  { repeats: 2, kernelSize: 3, strides: 2, expand: 6, filters: 24 },
  { repeats: 2, kernelSize: 5, strides: 2, expand: 6, filters: 40 },
  { repeats: 3, kernelSize: 3, strides: 2, expand: 6, filters: 80 },
  { repeats: 3, kernelSize: 5, strides: 1, expand: 6, filters: 112 },
  { repeats: 4, kernelSize: 5, strides: 2, expand: 6, filters: 192 },
  { repeats: 1, kernelSize: 3, strides: 1, expand: 6, filters: 320 },
] as const;

const STEM_FILTERS = 32;
/** Probability that the last block keeps its main branch. */
const SURVIVAL = 0.8;

interface Block {
  readonly name: string;
  readonly kernelSize: number;
  readonly strides: number;
  readonly expand: number;
  readonly filters: number;
  /** Probability that training keeps the main branch. */
  readonly survival: number;
  readonly squeezeExcite: boolean;
}

/** Rounds to the nearest multiple of 8 that is at most a tenth below. */
export function roundFilters(filters: number, width: number): number {
  const scaled = filters * width;
  const rounded = Math.max(8, Math.floor((scaled + 4) / 8) * 8);
  return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}

const roundRepeats = (repeats: number, depth: number): number => Math.ceil(depth * repeats);

/** Lite models keep the size of stem, first and last stage ("fix head and stem"), but scale the filters of the last. */
function blocksOf(name: BackboneName, row: BackboneRow): Block[] {
  const repeatsOf = (stage: number): number => {
    const { repeats } = STAGES[stage]!;
    const isFixed = row.lite && (stage === 0 || stage === STAGES.length - 1);
    return isFixed ? repeats : roundRepeats(repeats, row.depth);
  };
  const total = STAGES.reduce((sum, _, stage) => sum + repeatsOf(stage), 0);
  // The reference has no stochastic depth in backbones whose name contains b0.
  const drop = name.includes('b0') ? 0 : 1 - SURVIVAL;
  return STAGES.flatMap((stage, s) =>
    Array.from({ length: repeatsOf(s) }, (_, repeat) => ({ stage, repeat })).map(
      ({ stage: { kernelSize, strides, expand, filters }, repeat }) => ({
        kernelSize,
        strides: repeat === 0 ? strides : 1,
        expand,
        filters: roundFilters(filters, row.width),
        squeezeExcite: !row.lite,
      }),
    ),
  ).map((block, i) => ({ ...block, name: `${name}/blocks_${i}`, survival: 1 - (drop * i) / total }));
}

/** He normal by fan out; the last dimension of a depthwise kernel is 1. */
const fanOutNormal = (kernelSize: number, filters: number): Initializer => ({
  kind: 'normal',
  std: Math.sqrt(2 / (kernelSize * kernelSize * filters)),
});

/**
 * The feature maps C3, C4, C5 (strides 8, 16, 32).
 * @param images [batch, height, width, 3], normalised.
 */
export function backbone(context: Context, name: BackboneName, images: tf.Tensor4D): tf.Tensor4D[] {
  const row = BACKBONES[name];
  const filters = row.lite ? STEM_FILTERS : roundFilters(STEM_FILTERS, row.width);
  const stem = conv(context, `${name}/stem/conv2d`, {
    x: images,
    filters,
    kernelSize: 3,
    strides: 2,
    initializer: fanOutNormal(3, filters),
  });
  let x = activatedNorm(context, `${name}/stem/tpu_batch_normalization`, stem);
  const reductions: tf.Tensor4D[] = [];
  const blocks = blocksOf(name, row);
  blocks.forEach((block, i) => {
    x = mbConv(context, block, { x, index: i });
    const next = blocks[i + 1];
    if (!next || next.strides > 1) reductions.push(x);
  });
  return reductions.slice(2);
}

/** Inverted bottleneck: expand, depthwise, squeeze-excitation, project, residual. */
function mbConv(
  context: Context,
  block: Block,
  { x: input, index }: { x: tf.Tensor4D; index: number },
): tf.Tensor4D {
  const { name, kernelSize, strides, expand, filters, survival } = block;
  const inputFilters = input.shape[3];
  const suffixed = counter();
  const nextNorm = (): string => `${name}/${suffixed('tpu_batch_normalization')}`;
  let x = input;
  if (expand !== 1) {
    const expanded = inputFilters * expand;
    x = conv(context, `${name}/${suffixed('conv2d')}`, {
      x,
      filters: expanded,
      kernelSize: 1,
      initializer: fanOutNormal(1, expanded),
    });
    x = activatedNorm(context, nextNorm(), x);
  }
  x = depthwiseConv(context, `${name}/depthwise_conv2d`, {
    x,
    kernelSize,
    strides,
    initializer: fanOutNormal(kernelSize, 1),
  });
  x = activatedNorm(context, nextNorm(), x);
  if (block.squeezeExcite)
    x = squeezeExcite(context, `${name}/se`, { x, reduced: Math.max(1, Math.floor(inputFilters / 4)) });
  const projected = conv(context, `${name}/${suffixed('conv2d')}`, {
    x,
    filters,
    kernelSize: 1,
    initializer: fanOutNormal(1, filters),
  });
  x = batchNorm(context, nextNorm(), projected);
  if (strides !== 1 || inputFilters !== filters) return x;
  return tf.add(dropConnect(context, x, { survival, index }), input);
}

/** The automatic names of Keras: conv2d, conv2d_1, … */
function counter(): (name: string) => string {
  const counts = new Map<string, number>();
  return name => {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  };
}

/** @param reduced channels between the two convolutions */
function squeezeExcite(
  context: Context,
  name: string,
  { x, reduced }: { x: tf.Tensor4D; reduced: number },
): tf.Tensor4D {
  const channels = x.shape[3];
  const pooled = tf.mean(x, [1, 2], true) as tf.Tensor4D;
  const squeezed = conv(context, `${name}/conv2d`, {
    x: pooled,
    filters: reduced,
    kernelSize: 1,
    initializer: fanOutNormal(1, reduced),
    useBias: true,
  });
  const excited = conv(context, `${name}/conv2d_1`, {
    x: activate(squeezed, context),
    filters: channels,
    kernelSize: 1,
    initializer: fanOutNormal(1, channels),
    useBias: true,
  });
  return tf.mul(tf.sigmoid(excited), x);
}

/** Stochastic depth: drops the main branch of whole samples and scales the others up. */
function dropConnect(
  context: Context,
  x: tf.Tensor4D,
  { survival, index }: { survival: number; index: number },
): tf.Tensor4D {
  if (!context.training || !context.dropSeed || survival === 1) return x;
  const seed = tf.add(context.dropSeed, tf.tensor1d([0, index * 7919], 'int32')) as tf.Tensor1D;
  const mask = tf.floor(tf.add(statelessUniform([x.shape[0], 1, 1, 1], seed), survival));
  return tf.mul(tf.div(x, survival), mask);
}
