import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import { createAnchors } from '../../src/detection/anchors.js';
import { assignTargets } from '../../src/detection/targets.js';
import { Program } from '../../src/graph/execution.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { type StepInputs, trainStep } from '../../src/training/step.js';
import { recordTraining } from '../../src/training/training-program.js';
import { EagerVariables, goldenImages } from '../model/golden-weights.js';

const SIZE = 64;
const CLASSES = 3;
const STEPS = 2;
const MODEL = 'efficientdet-lite0';
const family = familyOf(MODEL);
const hparams = Hparams.parse({ moving_average_decay: 0.9 });
const anchors = createAnchors(family, [SIZE, SIZE]);
const targets = assignTargets(anchors, [
  { box: [4, 6, 40, 50], classIndex: 1 },
  { box: [20, 20, 28, 31], classIndex: 2 },
]);

/** A new set at every call: a step disposes nothing that is fed, the caller does. */
function inputsOf(step: number): StepInputs {
  const twice = <T extends Float32Array | Int32Array>(values: T): number[] => [...values, ...values];
  return {
    images: tf.tensor4d(
      [...goldenImages(SIZE, SIZE), ...goldenImages(SIZE, SIZE).reverse()],
      [2, SIZE, SIZE, 3],
    ),
    class_targets: tf.tensor2d(twice(targets.classTargets), [2, anchors.count], 'int32'),
    box_targets: tf.tensor3d(twice(targets.boxTargets), [2, anchors.count, 4]),
    num_positives: tf.fill([2], targets.numPositives),
    learning_rate: tf.scalar(0.02),
    soft_cls_weight: tf.scalar(0),
    soft_box_weight: tf.scalar(0),
    average_decay: tf.scalar(0.5),
    seed: tf.tensor1d([1, step], 'int32'),
  };
}

/** Largest difference, relative to the largest value. */
function distance(found: tf.Tensor, expected: tf.Tensor): number {
  const [a, b] = [found.dataSync<'float32'>(), expected.dataSync<'float32'>()];
  const size = b.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
  return b.reduce((max, value, i) => Math.max(max, Math.abs(value - a[i]!)), 0) / size;
}

describe('a recorded training step', () => {
  let folder = '';
  let program: Program;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'step-'));
    const options = {
      modelName: MODEL,
      numClasses: CLASSES,
      imageSize: [SIZE, SIZE],
      hparams,
      teacher: null,
    } as const;
    await recordTraining({ ...options, trainBatchSize: 2, evalBatchSize: 2 }).write(folder);
    await loadTensorFlow();
    await tf.setBackend('tensorflow');
    program = new Program(folder);
    await program.execute('initialize', { seed: tf.tensor1d([5, 0], 'int32') });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gives the losses, and leaves the variables, of the same code run eagerly: two steps', async () => {
    const specs = variableSpecs({ family, numClasses: CLASSES });
    for (let step = 0; step < STEPS; step++) {
      // From the same values each time: at the coarsest level the norm sees two numbers, where rounding grows tenfold a step.
      const initial = await program.run('values', {});
      const variables = new EagerVariables(spec => initial[spec.name]!.dataSync<'float32'>());
      const inputs = inputsOf(step);
      const eager = trainStep({ family, numClasses: CLASSES, hparams, specs }, inputs, {
        variables,
        teacher: null,
      });
      const recorded = await program.run('train_step', { ...inputs });
      for (const [name, value] of Object.entries(eager)) {
        const [found, expected] = [recorded[name]!.dataSync()[0]!, value.dataSync()[0]!];
        expect(Math.abs(found - expected), `${name} of step ${step}`).toBeLessThanOrEqual(
          (name === 'gradient_norm' ? 2e-3 : 2e-4) * Math.abs(expected),
        );
      }
      const after = await program.run('values', {});
      expect(variables.next.size).toBeGreaterThan(specs.length);
      for (const [name, next] of variables.next)
        // Gradients come through norms of two values at the coarsest level: single precision leaves two digits there.
        expect(distance(after[name]!, next), name).toBeLessThan(2e-2);
    }
  });

  it('is repeated exactly after save and restore', async () => {
    const prefix = join(folder, 'model.ckpt-3');
    const lossOf = async (): Promise<number> =>
      (await program.run('train_step', { ...inputsOf(3) })).loss!.dataSync()[0]!;
    await program.execute('save', { prefix: tf.scalar(prefix, 'string') });
    const first = await lossOf();
    await program.execute('restore', { prefix: tf.scalar(prefix, 'string') });
    expect(Math.abs((await lossOf()) - first)).toBeLessThanOrEqual(1e-5 * Math.abs(first));
  });

  it('of D0 at 512 px and batch 8 is a file of less than 20 MB', async () => {
    const d0 = recordTraining({
      modelName: 'efficientdet-d0',
      numClasses: 90,
      imageSize: [512, 512],
      trainBatchSize: 8,
      evalBatchSize: 8,
      hparams: Hparams.parse({}),
      teacher: null,
    });
    const { bytes } = await d0.write(join(folder, 'd0'));
    expect(bytes).toBeLessThan(20e6);
  });
});
