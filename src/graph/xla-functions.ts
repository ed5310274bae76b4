/** A node of a function. Its inputs are arguments or other nodes, by name. */
interface XlaNode {
  readonly op: 'Sigmoid' | 'Rsqrt' | 'Mul' | 'AddV2' | 'Sub';
  readonly inputs: readonly string[];
}

/** A function of float32 tensors that a graph can call: TensorFlow compiles it (XLA) for the shapes that it is called with. */
export interface XlaFunction {
  readonly inputs: readonly string[];
  /** The nodes by name, in any order. */
  readonly nodes: Readonly<Record<string, XlaNode>>;
  /** The node whose value the function returns. */
  readonly result: string;
}

const mul = (...inputs: [string, string]): XlaNode => ({ op: 'Mul', inputs });
const add = (...inputs: [string, string]): XlaNode => ({ op: 'AddV2', inputs });
const sub = (...inputs: [string, string]): XlaNode => ({ op: 'Sub', inputs });

/** dy · (s + s · (1 - s) · x) of s = sigmoid(x). */
const swishGradient = (x: string): XlaFunction['nodes'] => ({
  s: { op: 'Sigmoid', inputs: [x] },
  squared: mul('s', 's'),
  rest: sub('s', 'squared'),
  bent: mul('rest', x),
  slope: add('s', 'bent'),
  dx: mul('dy', 'slope'),
});

/** Computations that take many passes over memory as operations, and one when compiled. */
export const XLA_FUNCTIONS = {
  SwishGradient: { inputs: ['dy', 'x'], nodes: swishGradient('x'), result: 'dx' },
  /** The gradient of swish(norm(x)) before the norm's own: (x - mean) / √(variance + epsilon) · scale + offset is computed again. */
  NormalisedSwishGradient: {
    inputs: ['dy', 'x', 'mean', 'variance', 'scale', 'offset', 'epsilon'],
    nodes: {
      safe: add('variance', 'epsilon'),
      inverse: { op: 'Rsqrt', inputs: ['safe'] },
      factor: mul('inverse', 'scale'),
      centre: mul('mean', 'factor'),
      shift: sub('offset', 'centre'),
      stretched: mul('x', 'factor'),
      y: add('stretched', 'shift'),
      ...swishGradient('y'),
    },
    result: 'dx',
  },
} as const satisfies Record<string, XlaFunction>;

export type XlaFunctionName = keyof typeof XLA_FUNCTIONS;
