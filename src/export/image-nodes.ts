import type { ModelCard } from '../formats/model-card.js';
import { first, type Graph, type Output, outputsOf } from '../graph/graph.js';
import { MAX_INTERPOLATED_FACTOR } from '../images/decode.js';

const FLOAT = { type: 'float32' } as const;
const INT = { type: 'int32' } as const;

/** Adds graph nodes for shapes that are known only at run time, which tfjs cannot express. */
function operationsOf(graph: Graph) {
  const add = (op: string, inputs: readonly Output[], attributes = {}): Output =>
    first(graph.add(op, inputs, { attributes }));
  const floats = (...values: number[]): Output =>
    graph.constant({ dtype: 'float32', shape: [values.length], values: Float32Array.from(values) });
  const ints = (...values: number[]): Output =>
    graph.constant({ dtype: 'int32', shape: [values.length], values: Int32Array.from(values) });
  const scalar = (value: number): Output =>
    graph.constant({ dtype: 'float32', shape: [], values: Float32Array.of(value) });
  return {
    add,
    floats,
    ints,
    scalar,
    binary: (op: string, a: Output, b: Output): Output => add(op, [a, b], { T: FLOAT }),
    toFloat: (x: Output): Output => add('Cast', [x], { SrcT: INT, DstT: FLOAT }),
    toInt: (x: Output): Output => add('Cast', [x], { SrcT: FLOAT, DstT: INT }),
    concat: (inputs: readonly Output[], type: typeof FLOAT | typeof INT): Output =>
      add('ConcatV2', [...inputs, graph.constant({ dtype: 'int32', shape: [], values: Int32Array.of(0) })], {
        N: { int: inputs.length },
        T: type,
        Tidx: INT,
      }),
  };
}

export interface ImageInput {
  /** [N, height, width, 3], normalised. */
  readonly input: Output;
  /** [2]: height and width of the images. */
  readonly size: Output;
  /** [2]: network pixels per image pixel, of height and width. */
  readonly scale: Output;
}

/** Turns images 0–255 of any size into the network's input as `fitImage` does: scaled to fit, normalised, at the top left, the rest 0. */
export function imagesToInput(
  graph: Graph,
  images: Output,
  { image_size, mean, std }: Pick<ModelCard, 'image_size' | 'mean' | 'std'>,
): ImageInput {
  const { add, binary, floats, ints, scalar, toFloat, toInt, concat } = operationsOf(graph);
  const shape = add('Shape', [images], { T: FLOAT, out_type: INT });
  const size = toFloat(add('Slice', [shape, ints(1), ints(2)], { T: INT, Index: INT }));
  // Multiplies before it divides, as letterbox does: a side that fits exactly stays exact. [side, limit]
  const column = add('ExpandDims', [size, ints(1)], { T: FLOAT, Tdim: INT });
  const sides = binary('RealDiv', binary('Mul', column, floats(...image_size)), size);
  const fitting = add('Min', [sides, ints(1)], { T: FLOAT, Tidx: INT, keep_dims: { bool: false } });
  const fitted = toInt(binary('Maximum', add('Floor', [fitting], { T: FLOAT }), scalar(1)));
  const scale = binary('RealDiv', toFloat(fitted), size);
  const resized = resize(graph, images, { size, fitted, scale });
  const normalised = binary('RealDiv', binary('Sub', resized, floats(...mean)), floats(...std));
  const rest = add('Sub', [ints(...image_size), fitted], { T: INT });
  // Pads after, per dimension: batch 0, height, width, channels 0.
  const after = concat([ints(0), rest, ints(0)], INT);
  const paddings = add('Pack', [ints(0, 0, 0, 0), after], { N: { int: 2 }, T: INT, axis: { int: 1 } });
  const input = add('PadV2', [normalised, paddings, scalar(0)], { T: FLOAT, Tpaddings: INT });
  return { input, size, scale };
}

/** Scales images: between pixels, or filtered against aliasing where they become much smaller. See `placeImage`. */
function resize(
  graph: Graph,
  images: Output,
  { size, fitted, scale }: Pick<ImageInput, 'size' | 'scale'> & { fitted: Output },
): Output {
  const { add, binary, floats, ints, scalar, toFloat } = operationsOf(graph);
  const factors = binary('RealDiv', size, toFloat(fitted));
  const factor = add('Max', [factors, ints(0)], { T: FLOAT, Tidx: INT, keep_dims: { bool: false } });
  const isFiltered = binary('Greater', factor, scalar(MAX_INTERPOLATED_FACTOR));
  const branches = graph.add('Switch', [images, isFiltered], { stateful: true, attributes: { T: FLOAT } });
  const [otherwise, ifFiltered] = outputsOf(branches, 2);
  const interpolated = add('ResizeBilinear', [otherwise, fitted], {
    T: FLOAT,
    align_corners: { bool: false },
    half_pixel_centers: { bool: true },
  });
  const filtered = add('ScaleAndTranslate', [ifFiltered, fitted, scale, floats(0, 0)], {
    T: FLOAT,
    kernel_type: { text: 'triangle' },
    antialias: { bool: true },
  });
  // Only one of them is computed.
  const merge = { stateful: true, attributes: { T: FLOAT, N: { int: 2 } } };
  return first(graph.add('Merge', [interpolated, filtered], merge));
}

interface Detections {
  readonly boxes: Output;
  readonly scores: Output;
  readonly classes: Output;
  readonly count: Output;
}

/** Boxes back in the images' pixels and inside them; classes count from 1. */
export function toImages(
  graph: Graph,
  { size, scale }: ImageInput,
  { boxes, scores, classes, count }: Detections,
): Detections {
  const { binary, scalar, toFloat, concat } = operationsOf(graph);
  const limits = concat([size, size], FLOAT);
  const inPixels = binary('RealDiv', boxes, concat([scale, scale], FLOAT));
  const clipped = binary('Minimum', binary('Maximum', inPixels, scalar(0)), limits);
  return { boxes: clipped, scores, classes: binary('AddV2', classes, scalar(1)), count: toFloat(count) };
}
