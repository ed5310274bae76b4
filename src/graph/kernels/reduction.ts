import * as tf from '@tensorflow/tfjs-core';
import { type Attribute, outputsOf } from '../graph.js';
import { HALF_SQUARES } from '../ops.js';
import { type Attributes, axisOf, INT32, type Kernel, type KernelTable, typeOf } from './kernel.js';

const reduce =
  (op: string): Kernel =>
  (backend, { x }, { keepDims, ...reduction }) => {
    // tfjs calls the axes of Max by another name than those of its siblings. Where it gives none, all are reduced.
    const { axis, reductionIndices }: Partial<Attributes> = reduction;
    const axes = tf.util.parseAxisParam((axis ?? reductionIndices)!, x.shape);
    const [reduced] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = keepDims ? tf.backend_util.expandShapeToKeepDim(reduced, axes) : reduced;
    const attributes: Record<string, Attribute> = { Tidx: INT32, keep_dims: { bool: Boolean(keepDims) } };
    if (op !== 'All' && op !== 'Any') attributes.T = typeOf(x.dtype);
    return backend.emit(
      op,
      [backend.outputOf(x), backend.ints(axes)],
      { shape, dtype: x.dtype },
      { attributes },
    );
  };

const argument =
  (op: string): Kernel =>
  (backend, { x }, { axis }) => {
    const at = axisOf(axis, x.shape);
    const shape = x.shape.filter((_, dimension) => dimension !== at);
    const attributes = { T: typeOf(x.dtype), Tidx: INT32, output_type: INT32 };
    return backend.emit(
      op,
      [backend.outputOf(x), backend.scalar(at, 'int32')],
      { shape, dtype: 'int32' },
      { attributes },
    );
  };

export const REDUCTION: KernelTable = {
  [HALF_SQUARES]: (backend, { x }) =>
    backend.emit(
      'L2Loss',
      [backend.outputOf(x)],
      { shape: [], dtype: 'float32' },
      { attributes: { T: typeOf('float32') } },
    ),
  Sum: reduce('Sum'),
  Mean: reduce('Mean'),
  Max: reduce('Max'),
  Min: reduce('Min'),
  Prod: reduce('Prod'),
  All: reduce('All'),
  Any: reduce('Any'),
  ArgMax: argument('ArgMax'),
  ArgMin: argument('ArgMin'),
  Cumsum: (backend, { x }, { axis, exclusive, reverse }) => {
    const attributes = {
      T: typeOf(x.dtype),
      Tidx: INT32,
      exclusive: { bool: Boolean(exclusive) },
      reverse: { bool: Boolean(reverse) },
    };
    return backend.emit('Cumsum', [backend.outputOf(x), backend.scalar(axis, 'int32')], x, {
      attributes,
    });
  },
  Softmax: (backend, { logits }) =>
    backend.emit('Softmax', [backend.outputOf(logits)], logits, { attributes: { T: typeOf('float32') } }),
  TopK: (backend, { x }, { k, sorted }) => {
    const attributes = {
      T: typeOf(x.dtype),
      Tk: INT32,
      index_type: INT32,
      sorted: { bool: Boolean(sorted) },
    };
    const node = backend.graph.add('TopKV2', [backend.outputOf(x), backend.scalar(k, 'int32')], {
      attributes,
    });
    const shape = [...x.shape.slice(0, -1), k];
    const [values, indices] = outputsOf(node, 2);
    return [
      backend.wrap(values, { shape, dtype: x.dtype }),
      backend.wrap(indices, { shape, dtype: 'int32' }),
    ];
  },
  BatchMatMul: (backend, { a, b }, { transposeA, transposeB }) => {
    const [rows, columns] = [a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!];
    const outer = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const attributes = {
      T: typeOf(a.dtype),
      adj_x: { bool: Boolean(transposeA) },
      adj_y: { bool: Boolean(transposeB) },
    };
    const inputs = [backend.outputOf(a), backend.outputOf(b)];
    return backend.emit(
      'BatchMatMulV2',
      inputs,
      { shape: [...outer, rows, columns], dtype: a.dtype },
      { attributes },
    );
  },
};
