import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyOf, type ModelName } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import { assignTargets } from '../../src/detection/targets.js';
import { frozenNetwork } from '../../src/export/network.js';
import { Program } from '../../src/graph/execution.js';
import { encodeGraph } from '../../src/graph/graph-def.js';
import { prune } from '../../src/graph/graph.js';
import { SOFT_TERMS } from '../../src/formats/training-history.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { randomFrom } from '../../src/random.js';
import { trainStep } from '../../src/training/step.js';
import type { StepInputs } from '../../src/training/step-inputs.js';
import { keptAnchors, softTargetsFrom, type TeacherTensors } from '../../src/training/teacher-outputs.js';
import { recordTraining } from '../../src/training/training-program.js';
import { gridOf } from '../detection/grids.js';
import { goldenModel } from '../../bench/fixtures/golden-model.js';
import { EagerVariables } from '../model/golden-weights.js';
import { stepInputs } from './step-inputs.js';
import { largestError } from '../parity.js';
import { runPython } from '../python.js';

const MODEL = 'efficientdet-d0';
const [SIZE, BATCH, CLASSES] = [128, 2, 3];
const hparams = Hparams.parse({});
const anchors = gridOf(MODEL, [SIZE, SIZE]);
const KEPT = keptAnchors(anchors.count);

/** The best anchors of every image by the frozen graph alone, in Python. */
const PYTHON = `
import json, sys
import numpy as np
import tensorflow as tf
folder, size, classes, kept = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
graph = tf.compat.v1.GraphDef()
graph.ParseFromString(open(folder + "/frozen_graph.pb", "rb").read())
images = np.fromfile(folder + "/images", np.float32).reshape(-1, size, size, 3)
names = [[f"{head}_predict_{level}:0" for level in range(3, 8)] for head in ("class", "box")]
with tf.Graph().as_default():
    tf.import_graph_def(graph, name="")
    with tf.compat.v1.Session() as session:
        maps = session.run(names, {"images:0": images})
flat = lambda levels, values: np.concatenate([m.reshape(len(images), -1, values) for m in levels], 1)
logits, deltas = flat(maps[0], classes), flat(maps[1], 4)
best = np.argsort(-logits.max(2), 1, kind="stable")[:, :kept]
take = lambda values: np.take_along_axis(values, best[:, :, None], 1).reshape(-1).tolist()
print(json.dumps(dict(anchors=best.reshape(-1).tolist(), logits=take(logits), deltas=take(deltas))))
`;

let folder = '';
let frozen: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teacher-outputs-'));
  const { card, weights } = goldenModel(MODEL, [SIZE, SIZE], CLASSES);
  frozen = encodeGraph(prune(frozenNetwork(card, weights).outputs));
  await writeFile(join(folder, 'frozen_graph.pb'), frozen);
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The training program of a student that is fed the outputs of the teacher. */
async function openProgram(student: ModelName): Promise<Program> {
  const place = join(folder, student);
  await recordTraining({
    modelName: student,
    numClasses: CLASSES,
    imageSize: [SIZE, SIZE],
    trainBatchSize: BATCH,
    evalBatchSize: BATCH,
    hparams,
    teacher: { frozen, isFed: true, normalisation: familyOf(MODEL).normalisation },
    softTerms: SOFT_TERMS,
    online: null,
    precision: 'float32',
    useXla: true,
  }).write(place);
  const program = new Program(place);
  await program.execute('initialize', { seed: tf.tensor1d([5, 0], 'int32') });
  return program;
}

/** Images of random pixels, normalised as a model takes them. @param pixels RGB, 0 to 255 */
const normalisedFor = (model: ModelName, pixels: Float32Array): Float32Array => {
  const { mean, std } = familyOf(model).normalisation;
  return pixels.map((value, i) => (value - mean[i % 3]!) / std[i % 3]!);
};

describe('a teacher of another normalisation than its student', () => {
  it('sees the images as it would alone', async test => {
    const random = randomFrom('pixels');
    const pixels = Float32Array.from({ length: SIZE * SIZE * 3 }, () => random.integer(256));
    const program = await openProgram('efficientdet-t1');
    const images = tf.tensor4d(normalisedFor('efficientdet-t1', pixels), [1, SIZE, SIZE, 3]);
    const found = await program.run('teacher_outputs', { images });
    await writeFile(join(folder, 'images'), normalisedFor(MODEL, pixels));
    const args = [folder, ...[SIZE, CLASSES, KEPT].map(String)];
    const expected = JSON.parse(await runPython(PYTHON, { args, test })) as Record<string, number[]>;
    expect([...found.teacher_anchors!.dataSync()]).toEqual(expected.anchors);
    for (const name of ['logits', 'deltas'] as const) {
      const values = found[`teacher_${name}`]!.dataSync<'float32'>();
      expect(largestError(values, expected[name]!, 'of the largest value'), name).toBeLessThan(1e-4);
    }
  });
});

describe('a program that is fed a teacher’s outputs', () => {
  let program: Program;
  beforeAll(async () => {
    program = await openProgram(MODEL);
  });

  it('keeps a hundredth of the anchors', () => {
    expect(keptAnchors(49_104)).toBe(491);
    expect(keptAnchors(20)).toBe(1);
  });

  it('gives what Python finds to be the best of any number of images', async test => {
    for (const count of [1, 3]) {
      const random = randomFrom('images', count);
      const pixels = Float32Array.from({ length: count * SIZE * SIZE * 3 }, () => random.uniform(-1, 1));
      const images = tf.tensor4d(pixels, [count, SIZE, SIZE, 3]);
      const found = await program.run('teacher_outputs', { images });
      await writeFile(join(folder, 'images'), pixels);
      const args = [folder, ...[SIZE, CLASSES, KEPT].map(String)];
      const expected = JSON.parse(await runPython(PYTHON, { args, test })) as Record<string, number[]>;
      expect(found.teacher_anchors!.shape).toEqual([count, KEPT]);
      expect(found.teacher_logits!.shape).toEqual([count, KEPT, CLASSES]);
      expect([...found.teacher_anchors!.dataSync()]).toEqual(expected.anchors);
      for (const name of ['logits', 'deltas'] as const) {
        const values = found[`teacher_${name}`]!.dataSync<'float32'>();
        expect(largestError(values, expected[name]!, 'of the largest value'), name).toBeLessThan(1e-4);
      }
    }
  });

  it('learns from them as the same step does when it is run eagerly', async () => {
    const random = randomFrom('fed');
    const floats = (shape: readonly number[], limit: number): tf.Tensor => {
      const length = shape.reduce((a, b) => a * b, 1);
      return tf.tensor(
        Float32Array.from({ length }, () => random.uniform(-limit, limit)),
        [...shape],
      );
    };
    const targets = assignTargets(anchors, [{ box: [4, 6, 40, 50], classIndex: 1 }]);
    const inputs: StepInputs & TeacherTensors = {
      ...stepInputs({ images: floats([BATCH, SIZE, SIZE, 3], 1) as tf.Tensor4D, anchors, targets, step: 0 }),
      teacher_anchors: tf.tensor2d(
        Int32Array.from({ length: BATCH * KEPT }, () => random.integer(anchors.count)),
        [BATCH, KEPT],
        'int32',
      ),
      teacher_logits: floats([BATCH, KEPT, CLASSES], 3) as tf.Tensor3D,
      teacher_deltas: floats([BATCH, KEPT, 4], 1) as tf.Tensor3D,
    };
    const network = { family: familyOf(MODEL), numClasses: CLASSES };
    const initial = await program.run('values', {});
    const eager = trainStep(
      { ...network, anchors, hparams, specs: variableSpecs(network), branch: null, softTerms: SOFT_TERMS },
      inputs,
      {
        variables: new EagerVariables(spec => initial[spec.name]!.dataSync<'float32'>()),
        teacher: softTargetsFrom(inputs),
      },
    );
    const recorded = await program.run('train_step', { ...inputs });
    for (const [name, value] of Object.entries(eager)) {
      const [found, expected] = [recorded[name]!.dataSync()[0]!, value.dataSync()[0]!];
      expect(Math.abs(found - expected), name).toBeLessThanOrEqual(1e-4 * Math.abs(expected));
    }
    expect(Object.keys(eager)).toEqual(expect.arrayContaining(['loss_soft_cls', 'loss_soft_box']));
    expect(recorded.loss_soft_box!.dataSync()[0]).toBeGreaterThan(0);
  });
});
