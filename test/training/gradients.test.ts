import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf, type ModelName } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import { assignTargets } from '../../src/detection/targets.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { lossTerms } from '../../src/losses/terms.js';
import { efficientDet, variableSpecs } from '../../src/model/efficientdet.js';
import { flattenOutputs } from '../../src/training/step.js';
import { gridOf } from '../detection/grids.js';
import { EagerVariables, golden, goldenValues } from '../model/golden-weights.js';
import { expectParity } from '../parity.js';

/** [length, largest value, products with sin((i + 1.37) k)] of a tensor. */
type Summary = [number, number, ...number[]];
interface Golden {
  readonly batch: number;
  /** Per image: [ymin, xmin, ymax, xmax] as shares of the side, and the class from 1. */
  readonly boxes: readonly (readonly [[number, number, number, number], number])[][];
  readonly cases: Record<
    string,
    {
      size: number;
      training: boolean;
      positives: number[];
      loss: number;
      cls_loss: number;
      box_loss: number;
      gradients: Record<string, Summary>;
      statistics: Record<string, Summary>;
    }
  >;
}
const GOLDEN = JSON.parse(
  readFileSync(new URL('../golden/effdet/gradients.json', import.meta.url), 'utf8'),
) as Golden;
const CLASSES = 3;
/**
 * A norm takes out again what a bias before it adds, and sums of large terms may cancel: such a gradient is mostly rounding.
 * Others are up to 50 long.
 */
const NOTHING = 2e-3;
const hparams = Hparams.parse({});

function summarise(tensor: tf.Tensor): Summary {
  const values = tensor.dataSync<'float32'>();
  const probe = (i: number): number =>
    values.reduce((sum, value, k) => sum + value * Math.sin(k * (i + 1.37)), 0);
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return [length, largest, ...[0, 1, 2, 3].map(probe)];
}

/** Largest difference of two summaries, relative to the expected length. */
const distance = (found: Summary, expected: Summary): number =>
  Math.max(...expected.map((value, i) => Math.abs(value - found[i]!))) / expected[0];

beforeAll(async () => {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
});

describe.each(Object.entries(GOLDEN.cases))('%s', (modelName, expected) => {
  const { size } = expected;
  const family = familyOf(modelName as ModelName);
  const grid = gridOf(modelName as ModelName, [size, size]);
  const targets = GOLDEN.boxes.map(boxes =>
    assignTargets(
      grid,
      boxes.map(([box, label]) => ({
        box: box.map(share => share * size) as [number, number, number, number],
        classIndex: label - 1,
      })),
    ),
  );

  it('has the losses and all gradients of effdet, and leaves the same statistics', () => {
    expect(targets.map(({ numPositives }) => numPositives)).toEqual(expected.positives);
    const specs = variableSpecs({ family, numClasses: CLASSES }).filter(({ trainable }) => trainable);
    const variables = new EagerVariables(goldenValues);
    const images = tf.tensor4d(
      golden('images', GOLDEN.batch * size * size * 3).map(value => value * 2),
      [GOLDEN.batch, size, size, 3],
    );
    let terms: Record<string, tf.Scalar> = {};
    const { value, grads } = tf.valueAndGrads(() => {
      const outputs = efficientDet(images, {
        family,
        numClasses: CLASSES,
        training: expected.training,
        variables,
      });
      const raw = lossTerms({
        student: flattenOutputs(outputs, CLASSES),
        targets: {
          classTargets: tf.stack(
            targets.map(({ classTargets }) => tf.tensor1d(classTargets, 'int32')),
          ) as tf.Tensor2D,
          boxTargets: tf.stack(
            targets.map(({ boxTargets }) => tf.tensor2d(boxTargets, [grid.count, 4])),
          ) as tf.Tensor3D,
          numPositives: tf.tensor1d(targets.map(({ numPositives }) => numPositives)),
        },
        soft: null,
        anchors: grid,
        hparams,
      });
      terms = Object.fromEntries(Object.entries(raw).map(([name, term]) => [name, tf.keep(term)]));
      return tf.add(terms.cls_loss!, tf.mul(terms.box_loss!, hparams.box_loss_weight));
    })(specs.map(spec => variables.read(spec)));
    const relative = (found: tf.Tensor, wanted: number): number =>
      Math.abs(found.dataSync()[0]! - wanted) / wanted;
    expect(relative(value, expected.loss)).toBeLessThan(1e-5);
    expect(relative(terms.cls_loss!, expected.cls_loss)).toBeLessThan(1e-5);
    expect(relative(tf.mul(terms.box_loss!, hparams.box_loss_weight), expected.box_loss)).toBeLessThan(1e-5);
    expect(Object.keys(expected.gradients).sort()).toEqual(specs.map(({ name }) => name).sort());
    const common = { reference: 'effdet, PyTorch, fp32', measure: 'relative' } as const;
    const worst = (errors: readonly number[]): number => errors.reduce((a, b) => Math.max(a, b), 0);
    const found = specs.map(({ name }, i) => ({
      own: summarise(grads[i]!),
      theirs: expected.gradients[name]!,
    }));
    const none = found.filter(({ theirs }) => theirs[0] < NOTHING);
    expect(worst(none.map(({ own }) => own[0]))).toBeLessThan(NOTHING);
    expect(none.length).toBeLessThan(specs.length / 4);
    const some = found.filter(({ theirs }) => theirs[0] >= NOTHING);
    expectParity({
      ...common,
      item: `Gradients of ${modelName} at ${size} px, every variable that has one`,
      cases: some.length,
      error: worst(some.map(({ own, theirs }) => distance(own, theirs))),
      limit: 1e-3,
    });
    const moved = [...variables.changed];
    if (expected.training)
      expectParity({
        ...common,
        item: `Moving statistics of ${modelName} after a step`,
        cases: moved.length,
        error: worst(moved.map(([name, next]) => distance(summarise(next), expected.statistics[name]!))),
        limit: 1e-5,
      });
    expect(variables.changed.size).toBe(expected.training ? Object.keys(expected.statistics).length : 0);
  });
});
