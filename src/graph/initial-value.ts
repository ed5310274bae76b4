import { type DataType, first, type Graph, type Output } from './graph.js';
import type { Initializer, VariableSpec } from './variables.js';

const FLOAT = { type: 'float32' } as const;
const INT = { type: 'int32' } as const;

/** Stateless: the same seed gives the same values. */
const RANDOM_OPS = {
  normal: 'StatelessRandomNormal',
  'truncated-normal': 'StatelessTruncatedNormal',
  uniform: 'StatelessRandomUniform',
} as const;

/** Maps a random operation's own range to the initializer's. */
const scaleOf = (initializer: Exclude<Initializer, { kind: 'constant' }>): [factor: number, shift: number] =>
  initializer.kind === 'uniform' ? [2 * initializer.limit, -initializer.limit] : [initializer.std, 0];

/** Adds nodes that compute a variable's initial value. @param index distinguishes its seed from other variables' */
export function initialValue(
  graph: Graph,
  { shape, initializer }: VariableSpec,
  { seed, index, dtype }: { seed: Output; index: number; dtype: DataType },
): Output {
  const dims = graph.constant({ dtype: 'int32', shape: [shape.length], values: Int32Array.from(shape) });
  if (initializer.kind === 'constant') {
    const { value } = initializer;
    const values = dtype === 'int64' ? BigInt64Array.of(BigInt(value)) : Float32Array.of(value);
    const scalar = graph.constant({ dtype, shape: [], values });
    return first(graph.add('Fill', [dims, scalar], { attributes: { T: { type: dtype }, index_type: INT } }));
  }
  const offset = graph.constant({ dtype: 'int32', shape: [2], values: Int32Array.of(0, index) });
  const own = first(graph.add('AddV2', [seed, offset], { attributes: { T: INT } }));
  const attributes = { dtype: FLOAT, T: INT, Tseed: INT };
  const random = first(graph.add(RANDOM_OPS[initializer.kind], [dims, own], { attributes }));
  const [factor, shift] = scaleOf(initializer).map(value =>
    graph.constant({ dtype: 'float32', shape: [], values: Float32Array.of(value) }),
  );
  const scaled = first(graph.add('Mul', [random, factor!], { attributes: { T: FLOAT } }));
  return first(graph.add('AddV2', [scaled, shift!], { attributes: { T: FLOAT } }));
}
