import * as tf from '@tensorflow/tfjs-core';
import type { FamilyRow } from '../config/families.js';
import { resizeNearest } from '../graph/ops.js';
import { activate, batchNorm, type Context, conv, glorotUniform, separableConv } from './layers.js';

/**
 * One cell of the pyramid for levels 3–7. Numbers are positions in the growing list of feature maps, the inputs P3–P7
 * being 0–4; a node reads its inputs, resizes them to its level and adds one map to the list.
 *
 *   P7 (4) ─────────────────────────▶ (12)
 *   P6 (3) ─▶ (5) ─────────────────▶ (11)
 *   P5 (2) ─▶ (6) ─────────────────▶ (10)
 *   P4 (1) ─▶ (7) ─────────────────▶  (9)
 *   P3 (0) ─▶ (8) ══════════════════   (8)
 *        top-down: 5 6 7 8   bottom-up: 9 10 11 12
 */
export interface PyramidNode {
  readonly level: number;
  readonly inputs: readonly number[];
}

export function pyramidNodes(
  minLevel: number,
  maxLevel: number,
): { nodes: PyramidNode[]; outputs: number[] } {
  const ids = new Map<number, number[]>();
  for (let level = minLevel; level <= maxLevel; level++) ids.set(level, [level - minLevel]);
  let next = maxLevel - minLevel + 1;
  const nodes: PyramidNode[] = [];
  const add = (level: number, inputs: number[]): void => {
    nodes.push({ level, inputs });
    ids.get(level)!.push(next++);
  };
  const last = (level: number): number => ids.get(level)!.at(-1)!;
  for (let level = maxLevel - 1; level >= minLevel; level--) add(level, [last(level), last(level + 1)]);
  for (let level = minLevel + 1; level <= maxLevel; level++)
    add(level, [...ids.get(level)!, last(level - 1)]);
  return { nodes, outputs: [...ids.values()].map(list => list.at(-1)!) };
}

type Size = readonly [height: number, width: number];

/** Projects to the width of the pyramid by a 1×1 convolution with bias and norm; the map itself where it has that width. */
function project(
  context: Context,
  name: string,
  { x, channels }: { x: tf.Tensor4D; channels: number },
): tf.Tensor4D {
  if (x.shape[3] === channels) return x;
  const projected = conv(context, `${name}/conv2d`, {
    x,
    filters: channels,
    kernelSize: 1,
    initializer: glorotUniform(x.shape[3], channels),
    useBias: true,
  });
  return batchNorm(context, `${name}/bn`, projected);
}

/** Shrinks by max-pooling, enlarges by nearest neighbour to the exact size (sizes need not differ by a factor of two: 3 → 5). */
function resample(x: tf.Tensor4D, [height, width]: Size): tf.Tensor4D {
  const [, h, w] = x.shape;
  if (h > height && w > width) {
    const strides: [number, number] = [Math.floor((h - 1) / height) + 1, Math.floor((w - 1) / width) + 1];
    return tf.maxPool(x, [strides[0] + 1, strides[1] + 1], strides, 'same');
  }
  return h === height && w === width ? x : resizeNearest(x, [height, width]);
}

const EDGE = ['WSM', 'WSM_1', 'WSM_2'];

/** The weighted sum of `fastattn`, with weights relu(w_i) / (Σ relu(w) + 1e-4) and one scalar w an edge; or the plain sum. */
function fuse(
  context: Context,
  name: string,
  { inputs, fusion }: { inputs: readonly tf.Tensor4D[]; fusion: FamilyRow['fusion'] },
): tf.Tensor4D {
  if (fusion === 'sum') return sum(inputs);
  const weights = inputs.map((_, i) =>
    tf.relu(
      context.variables.read({
        name: `${name}/${EDGE[i]}`,
        shape: [],
        trainable: true,
        initializer: { kind: 'constant', value: 1 },
      }),
    ),
  );
  const total = tf.add(sum(weights), 1e-4);
  return sum(inputs.map((input, i) => tf.mul<tf.Tensor4D>(input, tf.div(weights[i]!, total))));
}

/** The sum of at least one tensor. */
const sum = <T extends tf.Tensor>(tensors: readonly T[]): T => tensors.reduce((a, b) => tf.add<T>(a, b));

/** P3–P7 (or P8) from C3, C4, C5 of the backbone: P6 by projection and pooling, higher levels by pooling alone. */
export function pyramidInputs(
  context: Context,
  features: readonly tf.Tensor4D[],
  family: FamilyRow,
): tf.Tensor4D[] {
  const levels = [...features];
  const half = ([, h, w]: tf.Tensor4D['shape']): Size => [
    Math.floor((h - 1) / 2) + 1,
    Math.floor((w - 1) / 2) + 1,
  ];
  for (let level = 6; level <= family.maxLevel; level++) {
    const below = levels.at(-1)!;
    const projected =
      level === 6 ? project(context, 'resample_p6', { x: below, channels: family.fpnChannels }) : below;
    levels.push(resample(projected, half(below.shape)));
  }
  return levels;
}

/** The weighted bidirectional feature pyramid. @returns one map a level, [batch, h, w, fpnChannels]. */
export function bifpn(context: Context, levels: readonly tf.Tensor4D[], family: FamilyRow): tf.Tensor4D[] {
  const { nodes, outputs } = pyramidNodes(family.minLevel, family.maxLevel);
  let current = levels;
  for (let cell = 0; cell < family.fpnCells; cell++) {
    const features = [...current];
    nodes.forEach((node, n) =>
      features.push(pyramidNode(context, `fpn_cells/cell_${cell}/fnode${n}`, { features, node, family })),
    );
    current = outputs.map(id => features[id]!);
  }
  return [...current];
}

function pyramidNode(
  context: Context,
  name: string,
  { features, node, family }: { features: readonly tf.Tensor4D[]; node: PyramidNode; family: FamilyRow },
): tf.Tensor4D {
  const { fpnChannels: channels } = family;
  const [, height, width] = features[node.level - family.minLevel]!.shape;
  const inputs = node.inputs.map((id, position) => {
    const resampled = `${name}/resample_${position}_${id}_${features.length}`;
    return resample(project(context, resampled, { x: features[id]!, channels }), [height, width]);
  });
  const fused = activate(fuse(context, name, { inputs, fusion: family.fusion }), context);
  const combine = `${name}/op_after_combine${features.length}`;
  // Keras counts for a depthwise kernel [3, 3, C, 1] fans of 9·C in, 9 out.
  const options = {
    x: fused,
    filters: channels,
    depthwise: glorotUniform(9 * channels, 9),
    pointwise: glorotUniform(channels, channels),
  };
  return batchNorm(context, `${combine}/bn`, separableConv(context, `${combine}/conv`, options));
}
