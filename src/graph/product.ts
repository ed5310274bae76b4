import { type Attribute, first, type Graph, type Output, type Precision } from './graph.js';

const FLOAT: Attribute = { type: 'float32' };
const BFLOAT16: Attribute = { type: 'bfloat16' };

/** Multiplications for each value that is read or written below which converting costs more than it saves; measured on CPUs. */
const WORTHWHILE = 30;

interface Factors {
  readonly factors: readonly Output[];
  /** Of the filter: how many input values make one output value, and how many output channels. */
  readonly channels: readonly [input: number, output: number];
}

/**
 * Adds a convolution, one of its gradients, or a product that stands for one, in the precision that the graph computes in:
 * in bfloat16 the factors are converted, once each, and the sums, which TensorFlow adds up in float32, converted back.
 * @param build gets the factors and their type
 */
export function addProduct(
  graph: Graph,
  { factors, channels: [from, to] }: Factors,
  build: (factors: readonly Output[], type: Attribute) => Output,
): Output {
  if (graph.precision === 'float32' || (from * to) / (from + to) < WORTHWHILE) return build(factors, FLOAT);
  const short = factors.map(factor => convert(graph, factor, 'bfloat16'));
  return convert(graph, build(short, BFLOAT16), 'float32');
}

/** From the one precision to the other. */
export function convert(graph: Graph, output: Output, to: Precision): Output {
  const [SrcT, DstT] = to === 'bfloat16' ? [FLOAT, BFLOAT16] : [BFLOAT16, FLOAT];
  return first(graph.add('Cast', [output], { attributes: { SrcT, DstT } }));
}
