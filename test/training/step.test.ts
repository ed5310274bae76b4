import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyOf, type ModelName } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import { assignTargets } from '../../src/detection/targets.js';
import { Program } from '../../src/graph/execution.js';
import { SOFT_TERMS } from '../../src/formats/training-history.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { auxiliarySpecs } from '../../src/model/auxiliary.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { previousOutputs } from '../../src/training/online.js';
import { flattenOutputs, trainStep } from '../../src/training/step.js';
import type { StepInputs } from '../../src/training/step-inputs.js';
import { recordTraining, type TrainingProgramOptions } from '../../src/training/training-program.js';
import { gridOf } from '../detection/grids.js';
import { EagerVariables } from '../model/golden-weights.js';
import { stepInputs } from './step-inputs.js';

const SIZE = 128;
const BATCH = 4;
const CLASSES = 3;
const STEPS = 3;
const hparams = Hparams.parse({ moving_average_decay: 0.9 });

interface Case {
  readonly what: string;
  readonly model: ModelName;
  readonly online: TrainingProgramOptions['online'];
}
const CASES: readonly Case[] = [
  { what: 'a recorded training step', model: 'efficientdet-d0', online: null },
  {
    what: 'a recorded step that distils from a branch and a previous version',
    model: 'efficientdet-t0',
    online: { hasPrevious: true },
  },
];

const anchors = gridOf('efficientdet-d0', [SIZE, SIZE]); // the tiny models' own, too
const targets = assignTargets(
  anchors,
  [
    { box: [4, 6, 40, 50], classIndex: 1 },
    { box: [20, 20, 28, 31], classIndex: 2 },
  ],
  [{ box: [30, 40, 60, 60], crowd: true }],
);

const inputsOf = (step: number): StepInputs =>
  stepInputs({
    // Without a pattern, and four of them: at the coarsest level a norm sees one value of each, and where those are all but
    // equal, rounding grows tenfold a step.
    images: tf.randomNormal([BATCH, SIZE, SIZE, 3], 0, 1, 'float32', 7 + step),
    ...{ anchors, targets, step },
  });

/** Largest difference, relative to the largest value. */
function distance(found: tf.Tensor, expected: tf.Tensor): number {
  const [a, b] = [found.dataSync<'float32'>(), expected.dataSync<'float32'>()];
  const size = b.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
  return b.reduce((max, value, i) => Math.max(max, Math.abs(value - a[i]!)), 0) / size;
}

describe.each(CASES)('$what', ({ model, online }) => {
  const family = familyOf(model);
  const network = { family, numClasses: CLASSES };
  let folder = '';
  let program: Program;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'step-'));
    const options = {
      modelName: model,
      numClasses: CLASSES,
      imageSize: [SIZE, SIZE],
      hparams,
      teacher: null,
      softTerms: online ? SOFT_TERMS : [],
      online,
      precision: 'float32',
      useXla: true,
    } as const;
    await recordTraining({ ...options, trainBatchSize: BATCH, evalBatchSize: BATCH }).write(folder);
    await loadTensorFlow();
    await tf.setBackend('tensorflow');
    program = new Program(folder);
    await program.execute('initialize', { seed: tf.tensor1d([5, 0], 'int32') });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gives the losses, and leaves the variables, of the same code run eagerly, three steps on', async () => {
    const specs = variableSpecs(network);
    const branch = online && auxiliarySpecs(network);
    const initial = await program.run('values', {});
    const variables = new EagerVariables(spec => initial[spec.name]!.dataSync<'float32'>());
    for (let step = 0; step < STEPS; step++) {
      const inputs = inputsOf(step);
      const teacher =
        online && flattenOutputs(previousOutputs(inputs.images, { ...network, variables }), CLASSES);
      const eager = trainStep(
        { ...network, anchors, hparams, specs, branch, softTerms: SOFT_TERMS },
        inputs,
        {
          variables,
          teacher,
        },
      );
      const recorded = await program.run('train_step', { ...inputs });
      for (const [name, value] of Object.entries(eager)) {
        const [found, expected] = [recorded[name]!.dataSync()[0]!, value.dataSync()[0]!];
        expect(Math.abs(found - expected), `${name} of step ${step}`).toBeLessThanOrEqual(
          1e-4 * Math.abs(expected),
        );
      }
      const after = await program.run('values', {});
      expect(variables.changed.size).toBeGreaterThan(specs.length);
      for (const [name, next] of variables.changed)
        // A momentum is a sum of gradients; those of a bias cancel each other to a thousandth. Rounding grows with the steps.
        expect(distance(after[name]!, next), `${name} after step ${step}`).toBeLessThan(
          (name.endsWith('/Momentum') ? 1e-3 : 1e-4) * 3 ** step,
        );
      variables.commit();
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
});

describe('a recorded program', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'program-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('of D0 at 512 px and batch 8 is a file of less than 20 MB', async () => {
    const d0 = recordTraining({
      modelName: 'efficientdet-d0',
      numClasses: 90,
      imageSize: [512, 512],
      trainBatchSize: 8,
      evalBatchSize: 8,
      hparams: Hparams.parse({}),
      teacher: null,
      softTerms: [],
      online: null,
      precision: 'float32',
      useXla: true,
    });
    const { bytes } = await d0.write(join(folder, 'd0'));
    expect(bytes).toBeLessThan(20e6);
  });
});
