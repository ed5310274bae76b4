import { first, type Output } from '../graph.js';
import { SCATTER_ADD_BY_LABEL, GATHER_BY_LABEL } from '../ops.js';
import { type Inputs, INT32, type KernelTable, typeOf } from './kernel.js';
import type { RecordingBackend } from '../recording-backend.js';

const FLOAT = typeOf('float32');
const BOOL = { T: typeOf('bool') };
const INT64 = { type: 'int64' } as const;

/** The places of labels, int32 [labels, 3]: image, row and class. */
function places(backend: RecordingBackend, { labels }: Inputs): Output {
  const add = (op: string, inputs: readonly Output[], attributes = {}): Output =>
    first(backend.graph.add(op, inputs, { attributes }));
  const classes = backend.outputOf(labels);
  const isLabelled = add('GreaterEqual', [classes, backend.scalar(0, 'int32')], { T: INT32 });
  const found = add('Where', [isLabelled], BOOL);
  const rows = add('Cast', [found], { SrcT: INT64, DstT: INT32 });
  const gathered = add('GatherNd', [classes, rows], { Tparams: INT32, Tindices: INT32 });
  const column = add('ExpandDims', [gathered, backend.scalar(1, 'int32')], { T: INT32, Tdim: INT32 });
  return add('ConcatV2', [rows, column, backend.scalar(1, 'int32')], {
    N: { int: 2 },
    T: INT32,
    Tidx: INT32,
  });
}

/** The number of labels is known only at run time: the recorded shape [1] stands for any. */
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
};
