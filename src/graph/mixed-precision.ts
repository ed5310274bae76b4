import { type Attribute, first, type Graph, type Output, type Precision } from './graph.js';

const FLOAT: Attribute = { type: 'float32' };
const BFLOAT16: Attribute = { type: 'bfloat16' };

/** With fewer multiplications for each value that is read or written, converting costs more than it saves; measured on CPUs. */
const WORTHWHILE = 30;

type Pair = readonly [Output, Output];

interface Factors {
  readonly factors: Pair;
  /** The number of input values that make one output value, and the number of output channels. */
  readonly channels: readonly [input: number, output: number];
}

/**
 * Adds a convolution, one of its gradients, or an equivalent matrix product, in the graph's precision: for bfloat16 the
 * factors are converted, once each, and the result is converted back. oneDNN adds the products up in float32;
 * TensorFlow's own kernels, for processors without AVX-512, keep some partial sums in bfloat16.
 * @param build gets the factors and their type
 */
export function addProduct(
  graph: Graph,
  { factors, channels: [from, to] }: Factors,
  build: (factors: Pair, type: Attribute) => Output,
): Output {
  if (graph.precision === 'float32' || (from * to) / (from + to) < WORTHWHILE) return build(factors, FLOAT);
  const [a, b] = factors;
  const short = [convert(graph, a, 'bfloat16'), convert(graph, b, 'bfloat16')] as const;
  return convert(graph, build(short, BFLOAT16), 'float32');
}

/** Adds a cast from the other precision. */
export function convert(graph: Graph, output: Output, to: Precision): Output {
  const [SrcT, DstT] = to === 'bfloat16' ? [FLOAT, BFLOAT16] : [BFLOAT16, FLOAT];
  return first(graph.add('Cast', [output], { attributes: { SrcT, DstT } }));
}
