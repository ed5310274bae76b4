import type { VariableSpec } from '../../graph/variables.js';

/** The suffix of every variable's key in an object-based checkpoint of TensorFlow 2. */
const VALUE = '/.ATTRIBUTES/VARIABLE_VALUE';
/** A key that only object-based checkpoints have. */
export const OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH';

/** Variable names by pattern → their keys in google/automl's Keras model. Those of a block depend on its expansion. */
const RULES: readonly (readonly [RegExp, (groups: readonly string[], expands: boolean) => string])[] = [
  [/^[^/]+\/stem\/conv2d\/(.+)$/, ([what]) => `backbone/_stem/_conv_stem/${what}`],
  [/^[^/]+\/stem\/tpu_batch_normalization\/(.+)$/, ([what]) => `backbone/_stem/_bn/${what}`],
  [
    /^[^/]+\/blocks_(\d+)\/conv2d(_1)?\/(.+)$/,
    ([block, second, what], expands) =>
      `backbone/_blocks/${block}/${expands && second === undefined ? '_expand_conv' : '_project_conv'}/${what}`,
  ],
  [
    /^[^/]+\/blocks_(\d+)\/depthwise_conv2d\/(.+)$/,
    ([block, what]) => `backbone/_blocks/${block}/_depthwise_conv/${what}`,
  ],
  [
    /^[^/]+\/blocks_(\d+)\/tpu_batch_normalization(?:_(\d))?\/(.+)$/,
    ([block, number = '0', what], expands) =>
      `backbone/_blocks/${block}/_bn${Number(number) + (expands ? 0 : 1)}/${what}`,
  ],
  [
    /^[^/]+\/blocks_(\d+)\/se\/conv2d\/(.+)$/,
    ([block, what]) => `backbone/_blocks/${block}/_se/_se_reduce/${what}`,
  ],
  [
    /^[^/]+\/blocks_(\d+)\/se\/conv2d_1\/(.+)$/,
    ([block, what]) => `backbone/_blocks/${block}/_se/_se_expand/${what}`,
  ],
  [/^resample_p6\/(.+)$/, ([what]) => `resample_layers/0/${what}`],
  [
    /^fpn_cells\/cell_(\d+)\/fnode(\d+)\/resample_(\d+)_\d+_\d+\/(.+)$/,
    ([cell, node, input, what]) => `fpn_cells/cells/${cell}/fnodes/${node}/resample_layers/${input}/${what}`,
  ],
  [
    /^fpn_cells\/cell_(\d+)\/fnode(\d+)\/op_after_combine\d+\/conv\/(.+)$/,
    ([cell, node, what]) => `fpn_cells/cells/${cell}/fnodes/${node}/op_after_combine/conv_op/${what}`,
  ],
  [
    /^fpn_cells\/cell_(\d+)\/fnode(\d+)\/op_after_combine\d+\/bn\/(.+)$/,
    ([cell, node, what]) => `fpn_cells/cells/${cell}/fnodes/${node}/op_after_combine/bn/${what}`,
  ],
  [
    /^fpn_cells\/cell_(\d+)\/fnode(\d+)\/(WSM.*)$/,
    ([cell, node, what]) => `fpn_cells/cells/${cell}/fnodes/${node}/${what}`,
  ],
  [
    /^(class|box)_net\/\w+-(\d+)-bn-(\d+)\/(.+)$/,
    ([head, repeat, level, what]) => `${head}_net/bns/${repeat}/${Number(level) - 3}/${what}`,
  ],
  [/^(class|box)_net\/\w+-(\d+)\/(.+)$/, ([head, repeat, what]) => `${head}_net/conv_ops/${repeat}/${what}`],
  [/^class_net\/class-predict\/(.+)$/, ([what]) => `class_net/classes/${what}`],
  [/^box_net\/box-predict\/(.+)$/, ([what]) => `box_net/boxes/${what}`],
];

function objectPath(name: string, expands: boolean): string {
  for (const [pattern, path] of RULES) {
    const match = pattern.exec(name);
    if (match) return path(match.slice(1), expands);
  }
  return name;
}

/** The keys of an object-based checkpoint → the names of our variables. */
export function namesByObjectKey(specs: readonly VariableSpec[]): Map<string, string> {
  const known = new Set(specs.map(({ name }) => name));
  return new Map(
    specs.map(({ name }) => {
      const block = name.split('/').slice(0, 2).join('/');
      return [objectPath(name, known.has(`${block}/conv2d_1/kernel`)) + VALUE, name];
    }),
  );
}

/** The key without TensorFlow's suffix, for people. */
export const plainObjectKey = (key: string): string =>
  key.endsWith(VALUE) ? key.slice(0, -VALUE.length) : key;
