import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FrozenNetwork, frozenNetwork } from '../../../src/export/network.js';
import { onnxNetwork } from '../../../src/export/onnx/network.js';
import { first, Graph } from '../../../src/graph/graph.js';
import { resizeNearest, swish } from '../../../src/graph/ops.js';
import { recordingBackend } from '../../../src/graph/recording-backend.js';
import { loadTensorFlow } from '../../../src/graph/tensorflow.js';
import { golden } from '../../model/golden-weights.js';
import { expectParity, largestError } from '../../parity.js';
import { runPython } from '../../python.js';
import { goldenModel } from '../../../bench/fixtures/golden-model.js';
import { runInTensorFlow, type Values } from './frozen.js';

let folder = '';
beforeAll(async () => {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  folder = await mkdtemp(join(tmpdir(), 'onnx-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function runInOnnxruntime(file: Uint8Array, images: tf.Tensor4D): Promise<Record<string, Values>> {
  const session = await InferenceSession.create(file);
  const input = new Tensor('float32', images.dataSync<'float32'>(), images.shape);
  const maps = await session.run({ images: input });
  return Object.fromEntries(
    Object.entries(maps).map(([name, map]) => [name, { shape: map.dims, values: map.data as Float32Array }]),
  );
}

/** The largest difference of any map, as a share of its largest value. */
function worst(found: Record<string, Values>, expected: Record<string, Values>): number {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  const errors = Object.entries(expected).map(([name, { shape, values }]) => {
    expect(found[name]!.shape, name).toEqual(shape);
    return largestError(found[name]!.values, values) / values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  });
  return Math.max(...errors);
}

const imagesOf = (batch: number, [height, width]: readonly [number, number]): tf.Tensor4D =>
  tf.tensor4d(golden('images', batch * height * width * 3), [batch, height, width, 3]);

describe.each([
  ['efficientdet-d0', [128, 128], 1],
  ['efficientdet-d0', [96, 160], 3],
  ['efficientdet-t0', [448, 448], 1],
  ['efficientdet-t1', [128, 128], 3],
  // Levels of 40, 20, 10, 5 and 3: the last does not double.
  ['efficientdet-t2', [320, 320], 1],
  ['efficientdet-lite0', [96, 96], 2],
  // Five levels and one, added without weights.
  ['efficientdet-d7x', [256, 256], 1],
] as const)('the ONNX network of %s at %s, %i at a time', (name, size, batch) => {
  it('answers as TensorFlow does', async () => {
    const { card, weights } = goldenModel(name, size);
    const network = frozenNetwork(card, weights);
    const images = imagesOf(batch, size);
    const found = await runInOnnxruntime(onnxNetwork(network, card), images);
    const expected = await runInTensorFlow(join(folder, `${name}-${batch}`), network, images);
    expectParity({
      item: `ONNX network of ${name}, onnxruntime in Node`,
      reference: 'TensorFlow, the recorded graph',
      cases: Object.keys(expected).length,
      error: worst(found, expected),
      measure: 'of the largest value',
      limit: 1e-4,
    });
  });
});

const CHECK = `
import json, sys
import numpy as np, onnx, onnxruntime
path, batch = sys.argv[1], int(sys.argv[2])
model = onnx.load(path)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
(images,) = session.get_inputs()
values = np.array(json.load(sys.stdin), np.float32).reshape(batch, *images.shape[1:])
maps = session.run(None, {images.name: values})
print(json.dumps(dict(
    opset=[[each.domain, each.version] for each in model.opset_import],
    metadata=session.get_modelmeta().custom_metadata_map,
    input=[images.name, images.type, images.shape],
    outputs={o.name: o.shape for o in session.get_outputs()},
    maps={o.name: dict(shape=m.shape, values=m.ravel().tolist()) for o, m in zip(session.get_outputs(), maps)})))
`;

interface FromPython {
  readonly opset: [string, number][];
  readonly metadata: Record<string, string>;
  readonly input: unknown[];
  readonly outputs: Record<string, unknown[]>;
  readonly maps: Record<string, { shape: number[]; values: number[] }>;
}

describe('the ONNX file of efficientdet-t0', () => {
  it('is a valid model by itself for other programs', async test => {
    const { card, weights } = goldenModel('efficientdet-t0', [64, 96]);
    const network = frozenNetwork(card, weights);
    const file = join(folder, 'network.onnx');
    await writeFile(file, onnxNetwork(network, card));
    const images = imagesOf(2, [64, 96]);
    const python = JSON.parse(
      await runPython(CHECK, {
        test,
        packages: 'onnx',
        args: [file, '2'],
        input: JSON.stringify([...images.dataSync()]),
      }),
    ) as FromPython;
    expect(python.opset).toEqual([['', 18]]);
    expect(python.input).toEqual(['images', 'tensor(float)', ['N', 64, 96, 3]]);
    expect(python.outputs.class_predict_3).toEqual(['N', 27, 8, 12]);
    expect(python.outputs.box_predict_7).toEqual(['N', 36, 1, 1]);
    expect(JSON.parse(python.metadata.classes!)).toEqual(card.classes);
    expect(JSON.parse(python.metadata.nms_configs!)).toEqual(card.nms_configs);
    expect(JSON.parse(python.metadata.image_size!)).toEqual([64, 96]);
    expect(python.metadata.model_name).toBe('efficientdet-t0');
    const maps = Object.entries(python.maps).map(
      ([name, { shape, values }]) => [name, { shape, values: Float32Array.from(values) }] as const,
    );
    expectParity({
      item: 'ONNX network of efficientdet-t0, onnxruntime in Python',
      reference: 'TensorFlow, the recorded graph',
      cases: maps.length,
      error: worst(Object.fromEntries(maps), await runInTensorFlow(join(folder, 'valid'), network, images)),
      measure: 'of the largest value',
      limit: 1e-4,
    });
  });

  it('is the same bytes for the same weights', () => {
    const bytes = (): Uint8Array => {
      const { card, weights } = goldenModel('efficientdet-t0', [64, 64]);
      return onnxNetwork(frozenNetwork(card, weights), card);
    };
    expect(Buffer.compare(bytes(), bytes())).toBe(0);
  });
});

type Build = (x: tf.Tensor4D) => tf.Tensor4D;
const SHAPE = [1, 9, 12, 3] as const;
const filter = (name: string, ...shape: [number, number, number, number]): tf.Tensor4D =>
  tf.tensor4d(
    golden(
      name,
      shape.reduce((a, b) => a * b),
    ),
    shape,
  );
const channels = (name: string, least = -1): tf.Tensor1D =>
  tf.tensor1d(golden(name, 3).map(x => x + 1 + least));
const normed = (x: tf.Tensor4D): tf.Tensor4D =>
  tf.batchNorm4d(x, channels('mean'), channels('variance', 0.5), channels('offset'), channels('scale'), 1e-3);
const conv = (x: tf.Tensor4D): tf.Tensor4D => tf.conv2d(x, filter('filter', 3, 3, 3, 3), 1, 'same');

/** What a network asks of each operation. */
const OPERATIONS: Record<string, Build> = {
  'Conv2D, SAME, stride 2': x => tf.conv2d(x, filter('filter', 3, 3, 3, 5), 2, 'same'),
  'Conv2D, VALID, 3 × 2': x => tf.conv2d(x, filter('filter', 3, 2, 3, 5), 1, 'valid'),
  'Conv2D, dilated': x => tf.conv2d(x, filter('filter', 3, 3, 3, 5), 1, 'same', 'NHWC', 2),
  DepthwiseConv2dNative: x => tf.depthwiseConv2d(x, filter('filter', 5, 5, 3, 1), 2, 'same'),
  'DepthwiseConv2dNative, two of each': x => tf.depthwiseConv2d(x, filter('filter', 3, 3, 3, 2), 1, 'same'),
  'AddV2, a bias': x => tf.add(conv(x), channels('bias')),
  'AddV2, a bias for a map that others read too': x => {
    const y = conv(x);
    return tf.add(tf.add(y, channels('bias')), y);
  },
  'AddV2, two maps': x => tf.add(x, conv(x)),
  'AddV2, a number for each channel': x => tf.add(x, channels('bias')),
  'a norm after a convolution': x => normed(conv(x)),
  'a norm after a bias': x => normed(tf.add(conv(x), channels('bias'))),
  'a norm after a depthwise convolution': x =>
    normed(tf.depthwiseConv2d(x, filter('filter', 3, 3, 3, 1), 1, 'same')),
  Sigmoid: x => tf.sigmoid(x),
  'Sigmoid and Mul, swish': x => swish(x),
  Relu: x => tf.relu(x),
  Relu6: x => tf.relu6(tf.mul(x, 9)),
  'Mul, a number': x => tf.mul(x, 0.3),
  'Mul, one number a map': x => tf.mul(tf.sigmoid(tf.mean(x, [1, 2], true)), x),
  'RealDiv and Relu of known numbers': x =>
    tf.mul(x, tf.div(tf.relu(tf.scalar(0.7)), tf.add(tf.relu(tf.scalar(-2)), 0.9))),
  'Fill, a long constant of one value': x => {
    const wide = tf.conv2d(x, filter('filter', 1, 1, 3, 12), 1, 'same');
    return tf.add(wide, tf.tensor1d(new Float32Array(12).fill(0.25)));
  },
  Mean: x => tf.mean(x, [1, 2], true),
  'MaxPool, SAME': x => tf.maxPool(tf.add(x, -3), 3, 2, 'same'),
  'ResizeNearestNeighbor, twice': x => resizeNearest(x, [18, 24]),
  'ResizeNearestNeighbor, one less than twice': x => resizeNearest(x, [17, 23]),
  'ResizeNearestNeighbor, thirds': x => resizeNearest(x, [15, 20]),
};

describe('operations', () => {
  it.each(Object.entries(OPERATIONS))('%s', async (name, build) => {
    const graph = new Graph();
    const input = graph.placeholder('images', 'float32', [-1, ...SHAPE.slice(1)]);
    const output = recordingBackend.record(graph, () => {
      const images = recordingBackend.tensorOf(input, { shape: SHAPE, dtype: 'float32' }) as tf.Tensor4D;
      const result = recordingBackend.outputOf(build(images));
      return graph.add('Identity', [result], {
        stateful: true,
        name: 'map',
        attributes: { T: { type: 'float32' } },
      });
    });
    const network: FrozenNetwork = { input: input.node, outputs: [first(output).node] };
    const { card } = goldenModel('efficientdet-t2', [SHAPE[1], SHAPE[2]]);
    const images = tf.tensor4d(golden(name, 2 * 9 * 12 * 3), [2, 9, 12, 3]);
    const file = onnxNetwork(network, { ...card, image_size: [9, 12] });
    const expected = await runInTensorFlow(join(folder, name.replace(/\W+/g, '-')), network, images);
    expect(worst(await runInOnnxruntime(file, images), expected)).toBeLessThan(1e-5);
  });

  it('that ONNX networks do not have are refused by name', () => {
    const graph = new Graph();
    const input = graph.placeholder('images', 'float32', [-1, 4, 4, 3]);
    const node = graph.add('Cumsum', [input], { attributes: { T: { type: 'float32' } } });
    const { card } = goldenModel('efficientdet-t2', [64, 64]);
    expect(() =>
      onnxNetwork({ input: input.node, outputs: [graph.add('Identity', [first(node)])] }, card),
    ).toThrow(expect.objectContaining({ code: 'ONNX_UNSUPPORTED', facts: { operation: 'Cumsum' } }) as Error);
  });
});
