import { first, type Output, outputsOf } from '../graph.js';
import { mapRange } from '../while-loop.js';
import { COMBINED_NMS, GROUPED_NMS } from '../ops.js';
import { INT32, type KernelTable, typeOf } from './kernel.js';

const FLOAT = typeOf('float32');

export const SUPPRESSION: KernelTable = {
  [COMBINED_NMS]: (backend, { boxes, scores }, { maxDetections, scoreThreshold, iouThreshold }) => {
    const limit = backend.scalar(maxDetections, 'int32');
    const inputs = [backend.outputOf(boxes), backend.outputOf(scores), limit, limit];
    const thresholds = [iouThreshold, scoreThreshold].map(value => backend.scalar(value, 'float32'));
    const attributes = { pad_per_class: { bool: false }, clip_boxes: { bool: false } };
    const node = backend.graph.add('CombinedNonMaxSuppression', [...inputs, ...thresholds], { attributes });
    const [batch, max] = [boxes.shape[0]!, maxDetections];
    const results = [
      { shape: [batch, max, 4], dtype: 'float32' },
      { shape: [batch, max], dtype: 'float32' },
      { shape: [batch, max], dtype: 'float32' },
      { shape: [batch], dtype: 'int32' },
    ] as const;
    return outputsOf(node, 4).map((output, i) => backend.wrap(output, results[i]!));
  },
  /** One kernel for each image and group, in a loop: the number of images is free. */
  [GROUPED_NMS]: (backend, { boxes, scores }, options) => {
    const { maxDetections, scoreThreshold, iouThreshold, sigma } = options;
    const { graph } = backend;
    const [batch, groups, anchors] = scores.shape as [number, number, number];
    const add = (op: string, inputs: readonly Output[], attributes = {}): Output =>
      first(graph.add(op, inputs, { attributes }));
    const reshape = (x: Output, shape: readonly number[], T = FLOAT): Output =>
      add('Reshape', [x, backend.ints(shape)], { T, Tshape: INT32 });
    const rows = reshape(backend.outputOf(scores), [-1, anchors]);
    const shape = add('Shape', [rows], { T: FLOAT, out_type: INT32 });
    const zero = backend.scalar(0, 'int32');
    const gather = { Tindices: INT32, Taxis: INT32, batch_dims: { int: 0 } };
    const count = add('GatherV2', [shape, zero, zero], { ...gather, Tparams: INT32 });
    const ints = [zero, backend.scalar(groups, 'int32'), backend.scalar(maxDetections, 'int32')];
    const floats = [iouThreshold, scoreThreshold, sigma].map(value => backend.scalar(value, 'float32'));
    const [indices, kept, counts] = mapRange(graph, {
      count,
      invariants: [
        ...[backend.outputOf(boxes), rows, ...floats].map(output => ({ output, dtype: 'float32' as const })),
        ...ints.map(output => ({ output, dtype: 'int32' as const })),
      ],
      results: ['int32', 'float32', 'int32'],
      body: (index, invariants) => {
        const [all, scoresOf, iou, score, soft, axis, perImage, max] = invariants as [
          Output,
          Output,
          Output,
          Output,
          Output,
          Output,
          Output,
          Output, // prettier-ignore
        ];
        const image = add('FloorDiv', [index, perImage], { T: INT32 });
        const own = add('GatherV2', [all, image, axis], { ...gather, Tparams: FLOAT });
        const row = add('GatherV2', [scoresOf, index, axis], { ...gather, Tparams: FLOAT });
        const attributes = { T: FLOAT, pad_to_max_output_size: { bool: true } };
        const inputs = [own, row, max, iou, score, soft];
        return outputsOf(graph.add('NonMaxSuppressionV5', inputs, { attributes }), 3);
      },
    }) as [Output, Output, Output];
    const table = [-1, groups, maxDetections];
    return [
      backend.wrap(reshape(indices, table, INT32), { shape: [batch, groups, maxDetections], dtype: 'int32' }),
      backend.wrap(reshape(kept, table), { shape: [batch, groups, maxDetections], dtype: 'float32' }),
      backend.wrap(reshape(counts, [-1, groups], INT32), { shape: [batch, groups], dtype: 'int32' }),
    ];
  },
};
