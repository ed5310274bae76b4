import { first, type Output } from '../graph.js';
import { CLEAR_ROWS, GATHER_BY_LABEL, GATHER_ROWS, SCATTER_ADD_BY_LABEL } from '../ops.js';
import { type Inputs, INT32, type KernelTable, typeOf } from './kernel.js';
import type { RecordingBackend } from '../recording-backend.js';

const FLOAT = typeOf('float32');
const BOOL = { T: typeOf('bool') };
const INT64 = { type: 'int64' } as const;

const adder =
  ({ graph }: RecordingBackend) =>
  (op: string, inputs: readonly Output[], attributes = {}): Output =>
    first(graph.add(op, inputs, { attributes }));

/** The places of rows whose label compares so with a number, int32 [found, 2]: image and row. */
function rowsWhere(
  backend: RecordingBackend,
  { labels }: Inputs,
  { comparison, label }: { comparison: 'Equal' | 'GreaterEqual'; label: number },
): Output {
  const add = adder(backend);
  const operands = [backend.outputOf(labels), backend.scalar(label, 'int32')];
  const found = add('Where', [add(comparison, operands, { T: INT32 })], BOOL);
  return add('Cast', [found], { SrcT: INT64, DstT: INT32 });
}

/** The places of labels, int32 [labels, 3]: image, row and class. */
function places(backend: RecordingBackend, inputs: Inputs): Output {
  const add = adder(backend);
  const rows = rowsWhere(backend, inputs, { comparison: 'GreaterEqual', label: 0 });
  const classes = backend.outputOf(inputs.labels);
  const gathered = add('GatherNd', [classes, rows], { Tparams: INT32, Tindices: INT32 });
  const column = add('ExpandDims', [gathered, backend.scalar(1, 'int32')], { T: INT32, Tdim: INT32 });
  return add('ConcatV2', [rows, column, backend.scalar(1, 'int32')], {
    N: { int: 2 },
    T: INT32,
    Tidx: INT32,
  });
}

/** The number of labels is known only at run time: the recorded shapes [1] and [1, classes] stand for any. */
export const LABEL_GATHER: KernelTable = {
  [GATHER_BY_LABEL]: (backend, inputs) =>
    backend.emit(
      'GatherNd',
      [backend.outputOf(inputs.x), places(backend, inputs)],
      { shape: [1], dtype: 'float32' },
      { attributes: { Tparams: FLOAT, Tindices: INT32 } },
    ),
  [SCATTER_ADD_BY_LABEL]: (backend, inputs) => {
    const tensors = [backend.outputOf(inputs.x), places(backend, inputs), backend.outputOf(inputs.values)];
    const attributes = { T: FLOAT, Tindices: INT32 };
    return backend.emit('TensorScatterAdd', tensors, inputs.x, { attributes });
  },
  [GATHER_ROWS]: (backend, inputs, { label }) =>
    backend.emit(
      'GatherNd',
      [backend.outputOf(inputs.x), rowsWhere(backend, inputs, { comparison: 'Equal', label })],
      { shape: [1, inputs.x.shape[2]!], dtype: 'float32' },
      { attributes: { Tparams: FLOAT, Tindices: INT32 } },
    ),
  [CLEAR_ROWS]: (backend, inputs, { label }) => {
    const add = adder(backend);
    const x = backend.outputOf(inputs.x);
    const rows = rowsWhere(backend, inputs, { comparison: 'Equal', label });
    const found = add('GatherNd', [x, rows], { Tparams: FLOAT, Tindices: INT32 });
    const tensors = [x, rows, add('ZerosLike', [found], { T: FLOAT })];
    return backend.emit('TensorScatterUpdate', tensors, inputs.x, {
      attributes: { T: FLOAT, Tindices: INT32 },
    });
  },
};
