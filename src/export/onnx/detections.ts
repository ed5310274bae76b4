import { ANCHORS_PER_CELL } from '../../config/families.js';
import type { AnchorGrid } from '../../detection/anchors.js';
import { FROZEN_INPUT, frozenOutput, type ModelCard } from '../../formats/model-card.js';
import { gridOf } from '../../detection/anchors.js';
import { extendModel } from '../../onnx/model.js';
import { Nodes } from '../../onnx/nodes.js';
import { errors } from '../../errors/index.js';

/**
 * A model that needs nothing else: network.onnx between normalisation and suppression. Its input `images` is float32
 * [N, height, width, 3], RGB, 0–255, already scaled to fit; its outputs are the SavedModel's, with boxes in pixels of the
 * input: detection_boxes [N, max, 4] yxyx, detection_scores and detection_classes [N, max], num_detections [N].
 */
export function onnxDetections(network: Uint8Array, card: ModelCard): Uint8Array {
  const { nms_configs: nms, image_size: [height, width] } = card; // prettier-ignore
  if (nms.method === 'gaussian') throw errors.onnxSoftSuppression();
  const before = new Nodes('input');
  const [mean, std] = [card.mean, card.std].map(values => before.floats([3], values)) as [string, string];
  const normalised = before.node('Div', [before.node('Sub', [FROZEN_INPUT, mean]), std]);
  const after = new Nodes('detections');
  const anchors = gridOf(card);
  const boxes = decoded(after, card, anchors);
  const scores = after.node('Sigmoid', [flattened(after, 'class', card)]);
  const max = Math.min(nms.max_output_size, anchors.count * (nms.per_class ? card.classes.length : 1));
  suppressed(after, { boxes, scores, card, anchors: anchors.count, max });
  const output = (name: string, ...shape: number[]) => ({
    name,
    type: 'float32' as const,
    shape: ['N', ...shape],
  });
  return extendModel(network, {
    before,
    after,
    replaced: { [FROZEN_INPUT]: normalised },
    inputs: [{ name: FROZEN_INPUT, type: 'float32', shape: ['N', height, width, 3] }],
    outputs: [
      output('detection_boxes', max, 4),
      output('detection_scores', max),
      output('detection_classes', max),
      output('num_detections'),
    ],
  });
}

/** The maps of all levels in the order of the anchors: scores [N, classes, anchors] or deltas [N, anchors, 4]. */
function flattened(nodes: Nodes, head: 'class' | 'box', card: ModelCard): string {
  const values = head === 'class' ? card.classes.length : 4;
  const parts = gridOf(card).levels.map(({ level, height, width }) => {
    const area = height * width;
    const split = nodes.node('Reshape', [
      frozenOutput(head, level),
      nodes.ints(-1, ANCHORS_PER_CELL, values, area),
    ]);
    const perm = head === 'class' ? [0, 2, 3, 1] : [0, 3, 1, 2];
    const count = area * ANCHORS_PER_CELL;
    const shape = head === 'class' ? [-1, values, count] : [-1, count, values];
    return nodes.node('Reshape', [nodes.node('Transpose', [split], { perm }), nodes.ints(...shape)]);
  });
  return nodes.node('Concat', parts, { axis: head === 'class' ? 2 : 1 });
}

/** Decoded boxes [N, anchors, 4] yxyx: the inverse of the box coder. */
function decoded(nodes: Nodes, card: ModelCard, { boxes, count }: AnchorGrid): string {
  const axes = (of: (low: number, high: number) => number): string => {
    const pairs = Array.from({ length: count }, (_, i) =>
      [0, 1].map(axis => of(boxes[4 * i + axis]!, boxes[4 * i + axis + 2]!)),
    );
    return nodes.floats([count, 2], pairs.flat());
  };
  const [offsets, logSizes] = nodes.nodeOfTwo('Split', [flattened(nodes, 'box', card), nodes.ints(2, 2)], {
    axis: 2,
  });
  const moved = nodes.node('Mul', [offsets, axes((low, high) => high - low)]);
  const middle = nodes.node('Add', [moved, axes((low, high) => (low + high) / 2)]);
  const half = nodes.node('Mul', [nodes.node('Exp', [logSizes]), axes((low, high) => (high - low) / 2)]);
  const corners = ['Sub', 'Add'].map(op => nodes.node(op, [middle, half]));
  return nodes.node('Concat', corners, { axis: 2 });
}

interface Candidates {
  readonly boxes: string;
  /** [N, classes, anchors] */
  readonly scores: string;
  readonly card: ModelCard;
  readonly anchors: number;
  readonly max: number;
}

/** The best detections of each image. Suppressed boxes score 0, so that a fixed number can be taken of each image. */
function suppressed(nodes: Nodes, { boxes, scores, card, anchors, max }: Candidates): void {
  const { per_class, iou_thresh, score_thresh, max_output_size } = card.nms_configs;
  const grouped = per_class ? scores : nodes.node('ReduceMax', [scores, nodes.ints(1)], { keepdims: 1 });
  const limits = [
    nodes.int(max_output_size),
    nodes.floats([], [iou_thresh]),
    nodes.floats([], [score_thresh]),
  ];
  const kept = nodes.node('NonMaxSuppression', [boxes, grouped, ...limits]);
  const silent = nodes.node('ConstantOfShape', [nodes.node('Shape', [grouped])]);
  const loud = nodes.node('ScatterND', [silent, kept, nodes.node('GatherND', [grouped, kept])]);
  const flat = nodes.node('Reshape', [loud, nodes.ints(-1, anchors * (per_class ? card.classes.length : 1))]);
  const [best, places] = nodes.nodeOfTwo('TopK', [flat, nodes.ints(max)]);
  const anchor = nodes.node('Unsqueeze', [nodes.node('Mod', [places, nodes.int(anchors)]), nodes.ints(2)]);
  const label = per_class
    ? nodes.node('Div', [places, nodes.int(anchors)])
    : nodes.node('GatherND', [nodes.node('ArgMax', [scores], { axis: 1, keepdims: 0 }), anchor], {
        batch_dims: 1,
      });
  const FLOAT = 1; // onnx.TensorProto.FLOAT
  const isFound = nodes.node('Cast', [nodes.node('Greater', [best, nodes.floats([], [0])])], { to: FLOAT });
  const found = nodes.node('GatherND', [boxes, anchor], { batch_dims: 1 });
  nodes.output('detection_boxes', 'Mul', [found, nodes.node('Unsqueeze', [isFound, nodes.ints(2)])]);
  nodes.output('detection_scores', 'Identity', [best]);
  const counted = nodes.node('Add', [nodes.node('Cast', [label], { to: FLOAT }), nodes.floats([], [1])]);
  nodes.output('detection_classes', 'Mul', [counted, isFound]);
  nodes.output('num_detections', 'ReduceSum', [isFound, nodes.ints(1)], { keepdims: 0 });
}
