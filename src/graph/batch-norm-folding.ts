import { type Constant, first, type Graph, type Output } from './graph.js';

const FLOAT = { T: { type: 'float32' } } as const;

/** A batch norm with fixed statistics as one multiplication and one addition for each channel: x · factor + offset. */
export interface ChannelAffine {
  readonly factors: Float32Array;
  readonly offsets: Float32Array;
}

/** (x − mean) · scale / √(variance + epsilon) + offset, one value per channel each. */
export function channelAffine(
  {
    mean,
    variance,
    scale,
    offset,
  }: Readonly<Record<'mean' | 'variance' | 'scale' | 'offset', ArrayLike<number>>>,
  epsilon: number,
): ChannelAffine {
  const factors = Float32Array.from(scale, (value, i) => value / Math.sqrt(variance[i]! + epsilon));
  return { factors, offsets: Float32Array.from(offset, (value, i) => value - mean[i]! * factors[i]!) };
}

/**
 * Folds a batch norm into the convolution that computes its input: filter · factor, and one addition.
 * @returns null where the input is not a convolution with a constant filter, with or without a constant bias
 */
export function foldBatchNorm(graph: Graph, x: Output, { factors, offsets }: ChannelAffine): Output | null {
  const biased = x.node.op === 'AddV2' ? constantOf(x.node.inputs[1]!) : null;
  const convolution = (biased ? x.node.inputs[0]! : x).node;
  const isDepthwise = convolution.op === 'DepthwiseConv2dNative';
  if (!isDepthwise && convolution.op !== 'Conv2D') return null;
  const filter = constantOf(convolution.inputs[1]!);
  if (!filter || (biased && biased.values.length !== factors.length)) return null;
  // [h, w, input, output] and, depthwise, [h, w, channels, 1]: the channels that a norm sees come last either way.
  const values = (filter.values as Float32Array).map((value, i) => value * factors[i % factors.length]!);
  const inputs = [convolution.inputs[0]!, graph.constant({ ...filter, values })];
  const scaled = first(graph.add(convolution.op, inputs, { attributes: { ...convolution.attributes } }));
  const bias = offsets.map((offset, i) => offset + (biased ? (biased.values[i] as number) * factors[i]! : 0));
  const added = graph.constant({ dtype: 'float32', shape: [bias.length], values: bias });
  return first(graph.add('AddV2', [scaled, added], { attributes: FLOAT }));
}

/** The values of a constant; the recorder writes arrays of one value as fills. */
function constantOf({ node }: Output): Constant | null {
  if (node.op === 'Fill') {
    const [sizes, value] = node.inputs.map(input => constantOf(input)?.values as Int32Array | undefined);
    if (!sizes || !value) return null;
    const shape = [...sizes];
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value[0]!);
    return { dtype: 'float32', shape, values };
  }
  const value = node.attributes.value;
  return node.op === 'Const' && value && 'tensor' in value ? value.tensor : null;
}
