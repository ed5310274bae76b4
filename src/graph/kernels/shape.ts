import * as tf from '@tensorflow/tfjs-core';
import { outputsOf } from '../graph.js';
import { axisOf, INT32, type KernelTable, typeOf } from './kernel.js';

/** Kernels that move values without changing them. */
export const SHAPE: KernelTable = {
  Reshape: (backend, { x }, { shape }) => {
    const resolved = tf.util.inferFromImplicitShape(shape, tf.util.sizeFromShape(x.shape));
    if (tf.util.arraysEqual(resolved, x.shape)) return backend.wrap(backend.outputOf(x), x);
    // A leading batch that stays is left free, so that an exported network takes any number of images.
    const keepsBatch = resolved[0] === x.shape[0] && resolved.length > 1;
    const target = keepsBatch ? [-1, ...resolved.slice(1)] : resolved;
    const attributes = { T: typeOf(x.dtype), Tshape: INT32 };
    return backend.emit(
      'Reshape',
      [backend.outputOf(x), backend.ints(target)],
      { shape: resolved, dtype: x.dtype },
      { attributes },
    );
  },
  ExpandDims: (backend, { input }, { dim }) => {
    const axis = dim < 0 ? input.shape.length + 1 + dim : dim;
    const shape = [...input.shape.slice(0, axis), 1, ...input.shape.slice(axis)];
    const attributes = { T: typeOf(input.dtype), Tdim: INT32 };
    return backend.emit(
      'ExpandDims',
      [backend.outputOf(input), backend.scalar(axis, 'int32')],
      { shape, dtype: input.dtype },
      { attributes },
    );
  },
  Transpose: (backend, { x }, { perm }) => {
    const order = perm;
    const shape = order.map(axis => x.shape[axis]!);
    return backend.emit(
      'Transpose',
      [backend.outputOf(x), backend.ints(order)],
      { shape, dtype: x.dtype },
      {
        attributes: { T: typeOf(x.dtype), Tperm: INT32 },
      },
    );
  },
  Concat: (backend, inputs, { axis }) => {
    const tensors = Object.values(inputs);
    const dtype = tensors[0]!.dtype;
    const at = axisOf(axis, tensors[0]!.shape);
    const shape = tf.backend_util.computeOutShape(
      tensors.map(tensor => tensor.shape),
      at,
    );
    const attributes = { N: { int: tensors.length }, T: typeOf(dtype), Tidx: INT32 };
    const outputs = tensors.map(tensor => backend.outputOf(tensor));
    return backend.emit(
      'ConcatV2',
      [...outputs, backend.scalar(at, 'int32')],
      { shape, dtype },
      { attributes },
    );
  },
  Pack: (backend, inputs, { axis }) => {
    const tensors = Object.values(inputs);
    const { shape, dtype } = tensors[0]!;
    const at = axis;
    const attributes = { N: { int: tensors.length }, T: typeOf(dtype), axis: { int: at } };
    const result = { shape: [...shape.slice(0, at), tensors.length, ...shape.slice(at)], dtype };
    return backend.emit(
      'Pack',
      tensors.map(tensor => backend.outputOf(tensor)),
      result,
      { attributes },
    );
  },
  Unpack: (backend, { value }, { axis }) => {
    const at = axis < 0 ? value.shape.length + axis : axis;
    const count = value.shape[at]!;
    const attributes = { T: typeOf(value.dtype), num: { int: count }, axis: { int: at } };
    const node = backend.graph.add('Unpack', [backend.outputOf(value)], { attributes });
    const shape = value.shape.filter((_, dimension) => dimension !== at);
    return outputsOf(node, count).map(output => backend.wrap(output, { shape, dtype: value.dtype }));
  },
  SplitV: (backend, { x }, { numOrSizeSplits, axis }) => {
    const at = axisOf(axis, x.shape);
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits as number[], at);
    const attributes = { T: typeOf(x.dtype), Tlen: INT32, num_split: { int: sizes.length } };
    const node = backend.graph.add(
      'SplitV',
      [backend.outputOf(x), backend.ints(sizes), backend.scalar(at, 'int32')],
      { attributes },
    );
    return outputsOf(node, sizes.length).map((output, i) =>
      backend.wrap(output, {
        shape: x.shape.map((size, dimension) => (dimension === at ? sizes[i]! : size)),
        dtype: x.dtype,
      }),
    );
  },
  Slice: (backend, { x }, { begin, size }) => {
    const [from, extent] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
    const attributes = { T: typeOf(x.dtype), Index: INT32 };
    // A dimension taken whole is written as -1: it may be the free batch.
    const written = extent!.map((length, dimension) => (length === x.shape[dimension] ? -1 : length));
    const inputs = [backend.outputOf(x), backend.ints(from!), backend.ints(written)];
    return backend.emit('Slice', inputs, { shape: extent!, dtype: x.dtype }, { attributes });
  },
  PadV2: (backend, { x }, { paddings, constantValue }) => {
    const pads = paddings as [number, number][];
    const shape = x.shape.map((size, dimension) => pads[dimension]![0] + size + pads[dimension]![1]);
    const table = backend.graph.constant({
      dtype: 'int32',
      shape: [pads.length, 2],
      values: Int32Array.from(pads.flat()),
    });
    const value = backend.scalar(constantValue, x.dtype === 'int32' ? 'int32' : 'float32');
    const attributes = { T: typeOf(x.dtype), Tpaddings: INT32 };
    return backend.emit(
      'PadV2',
      [backend.outputOf(x), table, value],
      { shape, dtype: x.dtype },
      { attributes },
    );
  },
  Tile: (backend, { x }, { reps }) => {
    const counts = reps;
    const shape = x.shape.map((size, dimension) => size * counts[dimension]!);
    const attributes = { T: typeOf(x.dtype), Tmultiples: INT32 };
    return backend.emit(
      'Tile',
      [backend.outputOf(x), backend.ints(counts)],
      { shape, dtype: x.dtype },
      { attributes },
    );
  },
  BroadcastTo: (backend, { x }, { shape }) => {
    const attributes = { T: typeOf(x.dtype), Tidx: INT32 };
    const result = { shape: shape, dtype: x.dtype };
    return backend.emit('BroadcastTo', [backend.outputOf(x), backend.ints(shape)], result, {
      attributes,
    });
  },
  Fill: (backend, _inputs, { shape, value, dtype }) => {
    const type = (dtype as tf.DataType | undefined) ?? 'float32';
    const scalar = backend.scalar(value, type === 'int32' ? 'int32' : 'float32');
    const attributes = { T: typeOf(type), index_type: INT32 };
    return backend.emit('Fill', [backend.ints(shape), scalar], { shape: shape, dtype: type }, { attributes });
  },
  ZerosLike: (backend, { x }) =>
    backend.emit('ZerosLike', [backend.outputOf(x)], x, { attributes: { T: typeOf(x.dtype) } }),
  OnesLike: (backend, { x }) =>
    backend.emit('OnesLike', [backend.outputOf(x)], x, { attributes: { T: typeOf(x.dtype) } }),
  Reverse: (backend, { x }, { dims }) => {
    const axes = tf.util.parseAxisParam(dims, x.shape);
    return backend.emit('ReverseV2', [backend.outputOf(x), backend.ints(axes)], x, {
      attributes: { T: typeOf(x.dtype), Tidx: INT32 },
    });
  },
  GatherV2: (backend, { x, indices }, { axis, batchDims }) => {
    const at = axisOf(axis, x.shape);
    const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(
      x as tf.Tensor,
      indices as tf.Tensor,
      at,
      batchDims,
    );
    const attributes = {
      Tparams: typeOf(x.dtype),
      Tindices: INT32,
      Taxis: INT32,
      batch_dims: { int: batchDims },
    };
    const inputs = [backend.outputOf(x), backend.outputOf(indices), backend.scalar(at, 'int32')];
    return backend.emit('GatherV2', inputs, { shape: info.outputShape, dtype: x.dtype }, { attributes });
  },
  OneHot: (backend, { indices }, { depth, onValue, offValue, dtype }) => {
    const type = (dtype as 'float32' | 'int32' | undefined) ?? 'int32';
    const inputs = [
      backend.outputOf(indices),
      backend.scalar(depth, 'int32'),
      backend.scalar(onValue, type),
      backend.scalar(offValue, type),
    ];
    const attributes = { T: typeOf(type), TI: INT32, axis: { int: -1 } };
    return backend.emit('OneHot', inputs, { shape: [...indices.shape, depth], dtype: type }, { attributes });
  },
  /** The gradient of a gather: the sum of the rows of each segment. */
  UnsortedSegmentSum: (backend, { x, segmentIds }, { numSegments }) => {
    const inputs = [backend.outputOf(x), backend.outputOf(segmentIds), backend.scalar(numSegments, 'int32')];
    const shape = [numSegments, ...x.shape.slice(segmentIds.shape.length)];
    const attributes = { T: typeOf(x.dtype), Tindices: INT32, Tnumsegments: INT32 };
    return backend.emit('UnsortedSegmentSum', inputs, { shape, dtype: x.dtype }, { attributes });
  },
};
