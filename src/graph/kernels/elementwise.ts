import * as tf from '@tensorflow/tfjs-core';
import { RELU6_GRAD } from '../gradients.js';
import { STATELESS_UNIFORM, SWISH, SWISH_GRAD } from '../ops.js';
import type { XlaFunctionName } from '../xla-functions.js';
import { first, type Graph, type Node, type Output } from '../graph.js';
import { INT32, type Kernel, type KernelTable, typeOf } from './kernel.js';
import type { RecordingBackend } from '../recording-backend.js';

/** A node of one tensor whose result has its shape and type. */
const unary =
  (op: string): Kernel =>
  (backend, { x }) =>
    backend.emit(op, [backend.outputOf(x)], x, { attributes: { T: typeOf(x.dtype) } });

const test =
  (op: string): Kernel =>
  (backend, { x }) =>
    backend.emit(
      op,
      [backend.outputOf(x)],
      { shape: x.shape, dtype: 'bool' },
      { attributes: { T: typeOf(x.dtype) } },
    );

/** A node of two tensors; TensorFlow broadcasts as tfjs does, but wants equal types. */
const binary =
  (op: string): Kernel =>
  (backend, { a, b }) => {
    const dtype = tf.backend_util.upcastType(a.dtype, b.dtype);
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    return backend.emit(
      op,
      [cast(backend, a, dtype), cast(backend, b, dtype)],
      { shape, dtype },
      { attributes: { T: typeOf(dtype) } },
    );
  };

const compare =
  (op: string): Kernel =>
  (backend, { a, b }) => {
    const dtype = tf.backend_util.upcastType(a.dtype, b.dtype);
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const inputs = [cast(backend, a, dtype), cast(backend, b, dtype)];
    return backend.emit(op, inputs, { shape, dtype: 'bool' }, { attributes: { T: typeOf(dtype) } });
  };

const logical =
  (op: string): Kernel =>
  (backend, { a, b }) =>
    backend.emit(op, [backend.outputOf(a), backend.outputOf(b)], {
      shape: tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape),
      dtype: 'bool',
    });

export function cast(backend: RecordingBackend, x: tf.TensorInfo, dtype: tf.DataType): Output {
  const output = backend.outputOf(x);
  if (x.dtype === dtype) return output;
  const node = backend.graph.add('Cast', [output], {
    attributes: { SrcT: typeOf(x.dtype), DstT: typeOf(dtype) },
  });
  return { node, index: 0 };
}

const float = { T: typeOf('float32') };

/** x · sigmoid(x), which TensorFlow's own optimiser makes one operation. */
export function swishOf({ graph }: RecordingBackend, x: Output): Output {
  const sigmoid = first(graph.add('Sigmoid', [x], { attributes: float }));
  return first(graph.add('Mul', [x, sigmoid], { attributes: float }));
}

/** The gradient of x · sigmoid(x). It computes the sigmoid again: kept since the swish, it would take as much memory as x. */
export function swishGradOf({ graph }: RecordingBackend, dy: Output, x: Output): Output {
  if (graph.useXla) return call(graph, 'SwishGradient', [dy, x]);
  const add = (op: string, inputs: Output[], controls: Node[] = []): Output =>
    first(graph.add(op, inputs, { attributes: float, controls }));
  const s = add('Sigmoid', [x], [dy.node]);
  const slope = add('AddV2', [s, add('SigmoidGrad', [s, x])]);
  return add('Mul', [dy, slope]);
}

/** Calls a function that XLA compiles. */
export function call(graph: Graph, name: XlaFunctionName, inputs: readonly Output[]): Output {
  const attributes = {
    Tin: { types: inputs.map(() => 'float32' as const) },
    Tout: { types: ['float32'] as const },
    f: { function: name },
    _XlaMustCompile: { bool: true },
  };
  return first(graph.add('PartitionedCall', inputs, { name, attributes }));
}

export const ELEMENTWISE: KernelTable = {
  ...Object.fromEntries(
    // prettier-ignore
    ['Abs', 'Neg', 'Exp', 'Expm1', 'Log', 'Log1p', 'Sqrt', 'Rsqrt', 'Square', 'Sigmoid', 'Tanh', 'Relu', 'Relu6', 'Elu', 'Softplus',
      'Sign', 'Floor', 'Ceil', 'Round', 'Reciprocal', 'Sin', 'Cos', 'Atan', 'Erf'].map(op => [op, unary(op)]),
  ),
  IsNan: test('IsNan'),
  IsFinite: test('IsFinite'),
  IsInf: test('IsInf'),
  Add: binary('AddV2'),
  Sub: binary('Sub'),
  Multiply: binary('Mul'),
  RealDiv: binary('RealDiv'),
  FloorDiv: binary('FloorDiv'),
  Mod: binary('FloorMod'),
  Pow: binary('Pow'),
  Maximum: binary('Maximum'),
  Minimum: binary('Minimum'),
  SquaredDifference: binary('SquaredDifference'),
  Atan2: binary('Atan2'),
  Equal: compare('Equal'),
  NotEqual: compare('NotEqual'),
  Less: compare('Less'),
  LessEqual: compare('LessEqual'),
  Greater: compare('Greater'),
  GreaterEqual: compare('GreaterEqual'),
  LogicalAnd: logical('LogicalAnd'),
  LogicalOr: logical('LogicalOr'),
  LogicalNot: (backend, { x }) =>
    backend.emit('LogicalNot', [backend.outputOf(x)], { shape: x.shape, dtype: 'bool' }),
  Identity: (backend, { x }) => backend.wrap(backend.outputOf(x), x),
  Cast: (backend, { x }, { dtype }) =>
    backend.wrap(cast(backend, x, dtype as tf.DataType), { shape: x.shape, dtype: dtype as tf.DataType }),
  ClipByValue: (backend, { x }, { clipValueMin, clipValueMax }) => {
    const [low, high] = [backend.scalar(clipValueMin, 'float32'), backend.scalar(clipValueMax, 'float32')];
    return backend.emit('ClipByValue', [backend.outputOf(x), low, high], x, { attributes: float });
  },
  /** alpha where x ≤ 0, else 1. */
  Step: (backend, { x }, { alpha }) => {
    const positive = backend.graph.add('Greater', [backend.outputOf(x), backend.scalar(0, 'float32')], {
      attributes: float,
    });
    const condition = { node: positive, index: 0 };
    return backend.emit(
      'SelectV2',
      [condition, backend.scalar(1, 'float32'), backend.scalar(alpha, 'float32')],
      { shape: x.shape, dtype: 'float32' },
      { attributes: float },
    );
  },
  Select: (backend, { condition, t, e }) => {
    const dtype = tf.backend_util.upcastType(t.dtype, e.dtype);
    const inputs = [backend.outputOf(condition), cast(backend, t, dtype), cast(backend, e, dtype)];
    return backend.emit('Select', inputs, { shape: t.shape, dtype }, { attributes: { T: typeOf(dtype) } });
  },
  AddN: (backend, inputs) => {
    const tensors = Object.values(inputs);
    const attributes = { N: { int: tensors.length }, T: typeOf(tensors[0]!.dtype) };
    return backend.emit(
      'AddN',
      tensors.map(tensor => backend.outputOf(tensor)),
      tensors[0]!,
      { attributes },
    );
  },
  [SWISH]: (backend, { x }) => backend.wrap(swishOf(backend, backend.outputOf(x)), x),
  [SWISH_GRAD]: (backend, { dy, x }) =>
    backend.wrap(swishGradOf(backend, backend.outputOf(dy), backend.outputOf(x)), x),
  [RELU6_GRAD]: (backend, { dy, y }) =>
    backend.emit('Relu6Grad', [backend.outputOf(dy), backend.outputOf(y)], y, { attributes: float }),
  [STATELESS_UNIFORM]: (backend, { seed }, { shape }) => {
    const attributes = { dtype: typeOf('float32'), T: INT32, Tseed: INT32 };
    const inputs = [backend.ints(shape), backend.outputOf(seed)];
    return backend.emit('StatelessRandomUniform', inputs, { shape: shape, dtype: 'float32' }, { attributes });
  },
};
