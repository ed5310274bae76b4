import { type DataType, first, type Graph, type Output, outputsOf } from './graph.js';

const INT = { type: 'int32' } as const;

interface Loop {
  /** int32: how often the body runs. */
  readonly count: Output;
  /** All that the body reads, constants too: what is outside of a loop cannot be read inside. */
  readonly invariants: readonly { readonly output: Output; readonly dtype: DataType }[];
  /** Element types of what the body makes. */
  readonly results: readonly DataType[];
  /** The nodes of one round: index (int32) and invariants in, one output for each of `results` out. */
  readonly body: (index: Output, invariants: readonly Output[]) => readonly Output[];
}

/**
 * Runs the body for 0 … count − 1 and stacks what it makes: [count, …] each. Written with TensorFlow's control flow
 * nodes, which need no function library beside the graph; the count may be known only at run time.
 */
export function mapRange(graph: Graph, { count, invariants, results, body }: Loop): Output[] {
  const node = (op: string, inputs: readonly Output[], attributes = {}): Output[] =>
    outputsOf(graph.add(op, inputs, { stateful: true, attributes }), 2);
  const integer = (value: number): Output =>
    graph.constant({ dtype: 'int32', shape: [], values: Int32Array.of(value) });

  const arrays = results.map(dtype => {
    const [handle, flow] = node('TensorArrayV3', [count], {
      dtype: { type: dtype },
      element_shape: { shape: null },
    });
    return { dtype, handle: handle!, flow: flow! };
  });
  // Any name that no other loop has.
  const frame = arrays[0]!.handle.node.name;
  const enter = (output: Output, dtype: DataType, isConstant = true): Output => {
    const attributes = {
      T: { type: dtype },
      frame_name: { text: frame },
      is_constant: { bool: isConstant },
      parallel_iterations: { int: 10 },
    };
    return node('Enter', [output], attributes)[0]!;
  };

  // What goes from round to round: the index, and of each array the order of its writes.
  const [zero, one] = [integer(0), integer(1)];
  const state = [
    { dtype: 'int32' as const, start: zero },
    ...arrays.map(({ flow }) => ({ dtype: 'float32' as const, start: flow })),
  ].map(({ dtype, start }) => {
    const T = { type: dtype };
    return { T, merged: node('Merge', [enter(start, dtype, false)], { T, N: { int: 2 } })[0]! };
  });
  const goesOn = node('LoopCond', [
    first(graph.add('Less', [state[0]!.merged, enter(count, 'int32')], { attributes: { T: INT } })),
  ])[0]!;
  const [index, ...flows] = state.map(({ T, merged }) => {
    const [after, inside] = node('Switch', [merged, goesOn], { T });
    return { after: after!, inside: inside! };
  });

  const made = body(
    index!.inside,
    invariants.map(({ output, dtype }) => enter(output, dtype)),
  );
  const next = [
    first(graph.add('AddV2', [index!.inside, enter(one, 'int32')], { attributes: { T: INT } })),
    ...arrays.map(
      ({ dtype, handle }, i) =>
        node('TensorArrayWriteV3', [enter(handle, 'resource'), index!.inside, made[i]!, flows[i]!.inside], {
          T: { type: dtype },
        })[0]!,
    ),
  ];
  state.forEach(({ T, merged }, i) =>
    graph.addBackEdge(merged.node, node('NextIteration', [next[i]!], { T })[0]!),
  );

  const all = first(graph.add('Range', [zero, count, one], { attributes: { Tidx: INT } }));
  return arrays.map(({ dtype, handle }, i) => {
    const flow = node('Exit', [flows[i]!.after], { T: { type: 'float32' } })[0]!;
    const attributes = { dtype: { type: dtype }, element_shape: { shape: null } };
    return node('TensorArrayGatherV3', [handle, all, flow], attributes)[0]!;
  });
}
