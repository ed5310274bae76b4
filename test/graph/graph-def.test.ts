import { describe, expect, it } from 'vitest';
import { first, Graph, prune } from '../../src/graph/graph.js';
import { encodeGraph, inlineGraph } from '../../src/graph/graph-def.js';

const FLOAT = { type: 'float32' } as const;

function smallGraph(): Uint8Array {
  const graph = new Graph();
  const input = graph.placeholder('x', 'float32', [-1, 2]);
  const weights = graph.constant({ dtype: 'float32', shape: [2], values: Float32Array.of(1.5, -2) });
  const product = first(graph.add('Mul', [input, weights], { name: 'product', attributes: { T: FLOAT } }));
  graph.add('Relu', [input], { name: 'unused', attributes: { T: FLOAT } });
  return encodeGraph(prune([product.node]));
}

describe('a frozen graph', () => {
  it('comes back into another graph with its constants, wherever its bytes lie in memory', () => {
    const bytes = smallGraph();
    // A view into a larger buffer, at an odd place: what reading a file gives.
    const shifted = Buffer.alloc(bytes.length + 1);
    shifted.set(bytes, 1);
    const graph = new Graph();
    const feed = graph.placeholder('images', 'float32', [-1, 2]);
    const outputs = graph.within('teacher', () => inlineGraph(graph, shifted.subarray(1), { x: feed }));
    const product = outputs('product')!.node;
    expect(product.name).toBe('teacher/product');
    expect(product.inputs[0]!.node).toBe(feed.node);
    expect(product.inputs[1]!.node.attributes.value).toEqual({
      tensor: { dtype: 'float32', shape: [2], values: Float32Array.of(1.5, -2) },
    });
  });

  it('is computed in bfloat16 where the graph is, and gives float32', () => {
    const graph = new Graph();
    const feed = graph.placeholder('images', 'float32', [-1, 2]);
    const answerOf = graph.withComputeOptions({ precision: 'bfloat16' }, () =>
      inlineGraph(graph, smallGraph(), { x: feed }),
    );
    const output = answerOf('product')!.node;
    expect([output.op, output.attributes.DstT]).toEqual(['Cast', { type: 'float32' }]);
    const product = output.inputs[0]!.node;
    expect([product.op, product.attributes.T]).toEqual(['Mul', { type: 'bfloat16' }]);
    expect(product.inputs.map(({ node }) => [node.op, node.inputs[0]!.node.op])).toEqual([
      ['Cast', 'Placeholder'],
      ['Cast', 'Const'],
    ]);
  });

  it('holds only what its outputs need', () => {
    expect(inlineGraph(new Graph(), smallGraph(), {})('unused')).toBeUndefined();
  });
});

describe('equal nodes', () => {
  it('are one node, unless they hold state', () => {
    const graph = new Graph();
    const one = (): ReturnType<Graph['constant']> =>
      graph.constant({ dtype: 'float32', shape: [], values: Float32Array.of(1) });
    expect(one().node).toBe(one().node);
    expect(graph.placeholder('a', 'float32', []).node).not.toBe(graph.placeholder('a', 'float32', []).node);
  });
});
