import { errors } from '../../errors/index.js';
import type { Attribute, Node } from '../../graph/graph.js';
import { type Convolution, type Fixed, fixedFrom, type Translation, type Value } from './translation.js';

/** Translates one TensorFlow operation to ONNX. */
type Operation = (translation: Translation, node: Node) => Value;

const attribute = <K extends string, T>(node: Node, key: string, field: K): T =>
  (node.attributes[key] as unknown as Record<K, T>)[field];
const intsOf = (node: Node, key: string): number[] => attribute(node, key, 'ints');

/** An input that must be constant. */
function fixed(translation: Translation, node: Node, index: number): Fixed {
  const value = translation.valueOf(node.inputs[index]!);
  if (value.kind !== 'fixed') throw errors.onnxUnsupported(node.op, 'of numbers that are computed');
  return value;
}

/** TensorFlow's SAME and VALID padding along one axis. */
function window(
  size: number,
  {
    kernel,
    stride,
    dilation,
    padding,
  }: { kernel: number; stride: number; dilation: number; padding: string },
): { size: number; before: number; after: number } {
  const reach = (kernel - 1) * dilation + 1;
  if (padding === 'VALID') return { size: Math.ceil((size - reach + 1) / stride), before: 0, after: 0 };
  const result = Math.ceil(size / stride);
  const total = Math.max((result - 1) * stride + reach - size, 0);
  const before = Math.floor(total / 2);
  return { size: result, before, after: total - before };
}

/** Attributes of a sliding window, and the height and width that it leaves. */
function sliding(
  node: Node,
  [, height, width]: readonly number[],
  kernel: readonly [number, number],
): { attributes: Convolution['attributes']; size: [number, number] } {
  const padding: string = attribute(node, 'padding', 'text');
  const strides = intsOf(node, 'strides').slice(1, 3);
  const dilations = node.attributes.dilations ? intsOf(node, 'dilations').slice(1, 3) : [1, 1];
  const axes = [height!, width!].map((size, i) =>
    window(size, { kernel: kernel[i]!, stride: strides[i]!, dilation: dilations[i]!, padding }),
  );
  const pads = [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)];
  return {
    attributes: { kernel_shape: [...kernel], strides, pads, ...(node.attributes.dilations && { dilations }) },
    size: axes.map(({ size }) => size) as [number, number],
  };
}

/** [height, width, inputs, outputs] → [outputs, inputs, height, width]. */
function outputsFirst(
  values: Float32Array,
  [area, inputs, outputs]: readonly [number, number, number],
): Float32Array {
  const moved = new Float32Array(values.length);
  for (let at = 0, place = 0; place < area; place++)
    for (let input = 0; input < inputs; input++)
      for (let output = 0; output < outputs; output++, at++)
        moved[(output * inputs + input) * area + place] = values[at]!;
  return moved;
}

const convolution =
  (depthwise: boolean): Operation =>
  (translation, node) => {
    const filter = fixed(translation, node, 1);
    const [height, width, inputs, outputs] = filter.shape as [number, number, number, number];
    const { shape } = translation.valueOf(node.inputs[0]!);
    const { attributes, size } = sliding(node, shape, [height, width]);
    // Of a depthwise filter both last dimensions are outputs, each of which reads one channel.
    const [read, made] = depthwise ? [1, inputs * outputs] : [inputs, outputs];
    return {
      kind: 'convolution',
      name: node.name,
      shape: [shape[0]!, ...size, made],
      input: translation.nameOf(node.inputs[0]!),
      weights: outputsFirst(filter.values as Float32Array, [height * width, read, made]),
      kernel: [made, read, height, width],
      bias: null,
      attributes: { ...attributes, ...(depthwise && { group: inputs }) },
    };
  };

/** A function of one value. */
const unary =
  (op: string, evaluate: (x: number) => number): Operation =>
  (translation, node) => {
    const [input] = node.inputs;
    const value = translation.valueOf(input!);
    if (value.kind === 'fixed') return { ...value, values: (value.values as Float32Array).map(evaluate) };
    return translation.emit(
      { op, inputs: [translation.nameOf(input!)] },
      { name: node.name, shape: value.shape },
    );
  };

/** A function of two values; of known numbers it is one. */
const binary =
  (op: string, evaluate: (a: number, b: number) => number): Operation =>
  (translation, node) => {
    const [a, b] = node.inputs.map(input => translation.valueOf(input)) as [Value, Value];
    if (a.kind === 'fixed' && b.kind === 'fixed') return evaluated(a, b, evaluate);
    const inputs = node.inputs.map(input => translation.nameOf(input));
    const { shape } = areaOf(a) < areaOf(b) ? b : a;
    return translation.emit({ op, inputs }, { name: node.name, shape });
  };

/** Numbers fit every map. */
const areaOf = (value: Value): number => (value.kind === 'fixed' ? 0 : value.shape[1]! * value.shape[2]!);

/** Combines constants of one shape, or one number with all values. */
function evaluated(a: Fixed, b: Fixed, evaluate: (a: number, b: number) => number): Fixed {
  const { shape } = a.values.length >= b.values.length ? a : b;
  const count = Math.max(a.values.length, b.values.length);
  const at = ({ values }: Fixed, i: number): number => values[values.length === 1 ? 0 : i]!;
  return {
    kind: 'fixed',
    shape,
    values: Float32Array.from({ length: count }, (_, i) => evaluate(at(a, i), at(b, i))),
  };
}

const plus = binary('Add', (a, b) => a + b);

/** A bias becomes part of the convolution before it. */
const add: Operation = (translation, node) => {
  const source = translation.soleConvolution(node.inputs[0]!);
  const other = translation.valueOf(node.inputs[1]!);
  if (!source || other.kind !== 'fixed' || other.values.length !== source.kernel[0])
    return plus(translation, node);
  const bias = (other.values as Float32Array).map((value, channel) => (source.bias?.[channel] ?? 0) + value);
  return { ...source, name: node.name, bias };
};

/** Over height and width, both kept. */
const mean: Operation = (translation, node) => {
  const axes = [...fixed(translation, node, 1).values].sort();
  if (axes.join() !== '1,2' || !attribute(node, 'keep_dims', 'bool'))
    throw errors.onnxUnsupported(node.op, 'of other axes than height and width');
  const { shape } = translation.valueOf(node.inputs[0]!);
  const inputs = [translation.nameOf(node.inputs[0]!)];
  return translation.emit(
    { op: 'GlobalAveragePool', inputs },
    { name: node.name, shape: [shape[0]!, 1, 1, shape[3]!] },
  );
};

const maxPool: Operation = (translation, node) => {
  const { shape } = translation.valueOf(node.inputs[0]!);
  const { attributes, size } = sliding(node, shape, intsOf(node, 'ksize').slice(1, 3) as [number, number]);
  const inputs = [translation.nameOf(node.inputs[0]!)];
  return translation.emit(
    { op: 'MaxPool', inputs, attributes },
    { name: node.name, shape: [shape[0]!, ...size, shape[3]!] },
  );
};

/** Nearest neighbour: output pixel i is input pixel floor(i · in / out). */
const resizeNearest: Operation = (translation, node) => {
  if (attribute(node, 'align_corners', 'bool') || attribute(node, 'half_pixel_centers', 'bool'))
    throw errors.onnxUnsupported(node.op, 'with aligned corners or half pixel centres');
  const { shape } = translation.valueOf(node.inputs[0]!);
  const size = [...fixed(translation, node, 1).values];
  const ratios = [size[0]! / shape[1]!, size[1]! / shape[2]!];
  // A whole ratio is written as one: onnxruntime then resizes in its own layout. Others must give the exact size.
  const isWhole = ratios.every(ratio => Number.isInteger(ratio));
  const target = isWhole
    ? ['', translation.initializer([4], Float32Array.of(1, 1, ...ratios))]
    : ['', '', translation.initializer([2], BigInt64Array.from(size, BigInt))];
  const inputs = [translation.nameOf(node.inputs[0]!), ...target];
  const attributes = {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
    ...(!isWhole && { axes: [2, 3] }),
  };
  return translation.emit(
    { op: 'Resize', inputs, attributes },
    { name: node.name, shape: [shape[0]!, ...size, shape[3]!] },
  );
};

const relu6: Operation = (translation, node) => {
  const [input] = node.inputs;
  const limits = [0, 6].map(limit => translation.initializer([], Float32Array.of(limit)));
  return translation.emit(
    { op: 'Clip', inputs: [translation.nameOf(input!), ...limits] },
    { name: node.name, shape: translation.valueOf(input!).shape },
  );
};

const constantOf = (node: Node): Fixed =>
  fixedFrom((node.attributes.value as Extract<Attribute, { tensor: unknown }>).tensor);

const fill: Operation = (translation, node) => {
  const shape = [...fixed(translation, node, 0).values];
  const count = shape.reduce((a, b) => a * b, 1);
  return {
    kind: 'fixed',
    shape,
    values: new Float32Array(count).fill(fixed(translation, node, 1).values[0]!),
  };
};

/** Every operation of the networks, by TensorFlow's name. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  Const: (_, node) => constantOf(node),
  Fill: fill,
  Conv2D: convolution(false),
  DepthwiseConv2dNative: convolution(true),
  Relu: unary('Relu', x => Math.max(x, 0)),
  Relu6: relu6,
  Sigmoid: unary('Sigmoid', x => 1 / (1 + Math.exp(-x))),
  AddV2: add,
  Mul: binary('Mul', (a, b) => a * b),
  RealDiv: binary('Div', (a, b) => a / b),
  Mean: mean,
  MaxPool: maxPool,
  ResizeNearestNeighbor: resizeNearest,
};
