import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { NmsConfigs } from '../../src/config/run.js';
import { detect } from '../../src/detection/detect.js';
import { Graph, type Output, prune } from '../../src/graph/graph.js';
import { encodeGraph } from '../../src/graph/graph-def.js';
import { graphText } from '../../src/graph/graph-text.js';
import '../../src/graph/kernels/index.js';
import { recordingBackend } from '../../src/graph/recording-backend.js';
import { gridOf } from '../detection/grids.js';
import { runPython } from '../python.js';

const SCRIPT = `
import sys
from google.protobuf import text_format
from tensorflow.core.framework.graph_pb2 import GraphDef
binary, text = GraphDef(), GraphDef()
binary.ParseFromString(open(sys.argv[1], "rb").read())
text_format.Parse(open(sys.argv[2]).read(), text)
print(len(text.node), text == binary)
`;

it('is what TensorFlow reads from the binary form: constants, strings, loops', async test => {
  const graph = new Graph();
  const family = familyOf('efficientdet-d0');
  const grid = gridOf('efficientdet-d0', [64, 64]);
  const nodes = recordingBackend.record(graph, () => {
    const maps = (values: number): tf.Tensor4D[] =>
      grid.levels.map(
        ({ height, width }) => tf.fill([1, height, width, 9 * values], -0.1) as unknown as tf.Tensor4D,
      );
    const nms = NmsConfigs.parse({ method: 'gaussian', sigma: 0.3 });
    const found = detect({ classLogits: maps(2), boxDeltas: maps(4) }, { anchors: grid, numClasses: 2, nms });
    const texts: Output = graph.constant({
      dtype: 'string',
      shape: [3],
      values: ['"quoted" \\ back', 'Föhre', `a\nb\t${family.backbone}`],
    });
    return prune([
      texts.node,
      ...Object.values(found).map(tensor => recordingBackend.outputOf(tensor as tf.Tensor).node),
    ]);
  });
  const folder = await mkdtemp(join(tmpdir(), 'graph-text-'));
  try {
    await writeFile(join(folder, 'graph.pb'), encodeGraph(nodes));
    await writeFile(join(folder, 'graph.pbtxt'), graphText(nodes));
    const args = [join(folder, 'graph.pb'), join(folder, 'graph.pbtxt')];
    expect((await runPython(SCRIPT, { test, args })).trim()).toBe(`${nodes.length} True`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
