import { type DataType, first, type Graph, type Output, outputsOf } from './graph.js';

const INT = { type: 'int32' } as const;

interface Loop {
  /** int32: how often the body runs. */
  readonly count: Output;
  /** Everything that the body reads, constants too: a loop cannot read values from outside by itself. */
  readonly invariants: readonly { readonly output: Output; readonly dtype: DataType }[];
  /** Element types of the body's results. */
  readonly results: readonly DataType[];
  /** Adds the nodes of one round: index (int32) and invariants in, one output for each of `results` out. */
  readonly body: (index: Output, invariants: readonly Output[]) => readonly Output[];
}

/**
 * Runs the body for 0 … count − 1 and stacks its results: [count, …] each. It uses TensorFlow's control flow nodes, which
 * need no function library beside the graph; the count may be known only at run time.
 */
export function mapRange(graph: Graph, { count, invariants, results, body }: Loop): Output[] {
  const nodes = new LoopNodes(graph);
  const arrays = results.map(dtype => nodes.array(count, dtype));
  const [zero, one] = [nodes.integer(0), nodes.integer(1)];

  // From round to round go the index and, for each array, the order of its writes.
  const index = nodes.startVariable(zero, 'int32');
  const flows = arrays.map(({ flow }) => nodes.startVariable(flow, 'float32'));
  const less = [index.merged, nodes.enter(count, 'int32')];
  const goesOn = nodes.one('LoopCond', [first(graph.add('Less', less, { attributes: { T: INT } }))]);
  const round = nodes.switch(index, goesOn);
  const writes = flows.map(flow => nodes.switch(flow, goesOn));

  const values = body(
    round.inside,
    invariants.map(({ output, dtype }) => nodes.enter(output, dtype)),
  );
  const incremented = [round.inside, nodes.enter(one, 'int32')];
  const nextIndex = first(graph.add('AddV2', incremented, { attributes: { T: INT } }));
  const written = arrays.map(({ dtype, handle }, i) => {
    const inputs = [nodes.enter(handle, 'resource'), round.inside, values[i]!, writes[i]!.inside];
    return nodes.one('TensorArrayWriteV3', inputs, { T: { type: dtype } });
  });
  nodes.endVariable(index, nextIndex);
  flows.forEach((flow, i) => nodes.endVariable(flow, written[i]!));

  const all = first(graph.add('Range', [zero, count, one], { attributes: { Tidx: INT } }));
  return arrays.map(({ dtype, handle }, i) => {
    const flow = nodes.one('Exit', [writes[i]!.after], { T: { type: 'float32' } });
    const attributes = { dtype: { type: dtype }, element_shape: { shape: null } };
    return nodes.one('TensorArrayGatherV3', [handle, all, flow], attributes);
  });
}

interface LoopVariable {
  readonly dtype: DataType;
  /** The value at the start of a round. */
  readonly merged: Output;
}

/** Adds the control flow nodes of one loop. */
class LoopNodes {
  /** The loop's name: that of its first node, which no other loop has. */
  #frame = '';

  constructor(private readonly graph: Graph) {}

  one(op: string, inputs: readonly Output[], attributes = {}): Output {
    return first(this.graph.add(op, inputs, { stateful: true, attributes }));
  }

  integer(value: number): Output {
    return this.graph.constant({ dtype: 'int32', shape: [], values: Int32Array.of(value) });
  }

  /** An array with a place for each round's result. */
  array(
    count: Output,
    dtype: DataType,
  ): { readonly dtype: DataType; readonly handle: Output; readonly flow: Output } {
    const attributes = { dtype: { type: dtype }, element_shape: { shape: null } };
    const node = this.graph.add('TensorArrayV3', [count], { stateful: true, attributes });
    this.#frame ||= node.name;
    const [handle, flow] = outputsOf(node, 2);
    return { dtype, handle, flow };
  }

  /** Brings a value into the loop. */
  enter(output: Output, dtype: DataType, isConstant = true): Output {
    return this.one('Enter', [output], {
      T: { type: dtype },
      frame_name: { text: this.#frame },
      is_constant: { bool: isConstant },
      parallel_iterations: { int: 10 },
    });
  }

  startVariable(start: Output, dtype: DataType): LoopVariable {
    const attributes = { T: { type: dtype }, N: { int: 2 } };
    return { dtype, merged: this.one('Merge', [this.enter(start, dtype, false)], attributes) };
  }

  /** The variable's value inside of the loop's body, and after the last round. */
  switch(
    { dtype, merged }: LoopVariable,
    goesOn: Output,
  ): { readonly after: Output; readonly inside: Output } {
    const attributes = { T: { type: dtype } };
    const node = this.graph.add('Switch', [merged, goesOn], { stateful: true, attributes });
    const [after, inside] = outputsOf(node, 2);
    return { after, inside };
  }

  endVariable({ dtype, merged }: LoopVariable, next: Output): void {
    this.graph.addBackEdge(merged.node, this.one('NextIteration', [next], { T: { type: dtype } }));
  }
}
