import type { BackboneName } from '../../config/families.js';
import type { VariableSpec } from '../../graph/variables.js';
import type { Weights, WeightTensor } from './weights.js';

/** The packaged ImageNet weights for each backbone. Where the architectures differ, the tensors that fit are used. */
export const PACKAGED: Readonly<Partial<Record<BackboneName, 'lite0' | 'lite1' | 'lite2'>>> = {
  'efficientnet-lite0': 'lite0',
  'efficientnet-lite1': 'lite1',
  'efficientnet-lite2': 'lite2',
  'efficientnet-b0': 'lite0',
  'efficientnet-b1': 'lite1',
  'efficientnet-b2': 'lite2',
};

const NORM = {
  weight: 'gamma',
  bias: 'beta',
  running_mean: 'moving_mean',
  running_var: 'moving_variance',
} as const;
const CONVS = ['_expand_conv', '_depthwise_conv', '_project_conv'] as const;

/** [out, in, h, w] → [h, w, in, out]; a depthwise [channels, 1, h, w] → [h, w, channels, 1]. */
function toHwio({ shape, values }: WeightTensor, depthwise: boolean): WeightTensor {
  const [a, b, height, width] = shape as [number, number, number, number];
  const result = new Float32Array(values.length);
  const [inner, outer] = depthwise ? [a, b] : [b, a];
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let at = 0; at < height * width; at++) {
        const [input, output] = depthwise ? [i, j] : [j, i];
        result[(at * inner + input) * outer + output] = values[(i * b + j) * height * width + at]!;
      }
  return { shape: [height, width, inner, outer], values: result };
}

/**
 * The state of a PyTorch EfficientNet under the names of our variables. Blocks are matched by their position in their stage,
 * because a lite network may have fewer of them; `adoptWeights` leaves out tensors of other shapes.
 */
export function imagenetWeights(
  state: Weights,
  { backbone, specs }: { backbone: BackboneName; specs: readonly VariableSpec[] },
): Weights {
  const renamed = new Map<string, WeightTensor>();
  const put = (from: string, to: string, depthwise?: boolean): void => {
    const tensor = state.get(from);
    if (tensor) renamed.set(to, depthwise === undefined ? tensor : toHwio(tensor, depthwise));
  };
  const putNorm = (from: string, to: string): void => {
    for (const [theirs, ours] of Object.entries(NORM)) put(`${from}.${theirs}`, `${to}/${ours}`);
  };
  put('_conv_stem.weight', `${backbone}/stem/conv2d/kernel`, false);
  putNorm('_bn0', `${backbone}/stem/tpu_batch_normalization`);
  const theirs = blockShapes(count => state.get(`_blocks.${count}._depthwise_conv.weight`)?.shape);
  const ours = blockShapes(count => depthwiseSpec(specs, backbone, count)?.shape.toReversed());
  for (const [block, from] of pairBlocks(ours, theirs)) {
    const [source, target] = [`_blocks.${from}`, `${backbone}/blocks_${block}`];
    const present = CONVS.filter(conv => state.has(`${source}.${conv}.weight`));
    let [convs, norms] = [0, 0];
    for (const conv of present) {
      const depthwise = conv === '_depthwise_conv';
      put(
        `${source}.${conv}.weight`,
        depthwise
          ? `${target}/depthwise_conv2d/depthwise_kernel`
          : `${target}/${numbered('conv2d', convs++)}/kernel`,
        depthwise,
      );
      putNorm(
        `${source}._bn${CONVS.indexOf(conv)}`,
        `${target}/${numbered('tpu_batch_normalization', norms++)}`,
      );
    }
  }
  return renamed;
}

const numbered = (name: string, count: number): string => (count === 0 ? name : `${name}_${count}`);

const depthwiseSpec = (
  specs: readonly VariableSpec[],
  backbone: string,
  block: number,
): VariableSpec | undefined =>
  specs.find(({ name }) => name === `${backbone}/blocks_${block}/depthwise_conv2d/depthwise_kernel`);

/** The shape of the depthwise kernel of every block, as text: it identifies the stage of the block. */
function blockShapes(shapeOf: (block: number) => readonly number[] | undefined): string[] {
  const shapes: string[] = [];
  for (;;) {
    const shape = shapeOf(shapes.length);
    if (!shape) return shapes;
    shapes.push([...shape].sort((a, b) => a - b).join('x'));
  }
}

/** Matches the n-th block of a kind to the n-th block of the same kind in the other network. */
function pairBlocks(ours: readonly string[], theirs: readonly string[]): [ours: number, theirs: number][] {
  const used = new Map<string, number>();
  return ours.flatMap((shape, block): [number, number][] => {
    const nth = used.get(shape) ?? 0;
    used.set(shape, nth + 1);
    const same = theirs.flatMap((other, i) => (other === shape ? [i] : []));
    return same[nth] === undefined ? [] : [[block, same[nth]]];
  });
}
