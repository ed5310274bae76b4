import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import { assignTargets } from '../../src/detection/targets.js';
import { SOFT_TERMS } from '../../src/formats/training-history.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { auxiliary, auxiliarySpecs } from '../../src/model/auxiliary.js';
import { efficientDet, type Outputs, variableSpecs } from '../../src/model/efficientdet.js';
import { averageSpec } from '../../src/training/optimiser.js';
import { averagedOf, previousOutputs } from '../../src/training/online.js';
import {
  averagedVariables,
  flattenOutputs,
  lossesAndGradients,
  trainedSpecs,
  trainStep,
} from '../../src/training/step.js';
import type { StepInputs } from '../../src/training/step-inputs.js';
import { gridOf } from '../detection/grids.js';
import { EagerVariables, goldenValues } from '../model/golden-weights.js';
import { stepInputs } from './step-inputs.js';

const SIZE = 128;
const BATCH = 2;
const network = { family: familyOf('efficientdet-t0'), numClasses: 2 };
const anchors = gridOf('efficientdet-t0', [SIZE, SIZE]);
const targets = assignTargets(anchors, [{ box: [10, 20, 70, 90], classIndex: 1 }]);
const hparams = Hparams.parse({});
const specs = variableSpecs(network);
const branch = auxiliarySpecs(network);
const model = { ...network, anchors, hparams, specs, branch, softTerms: SOFT_TERMS };

interface Weights {
  readonly soft?: readonly [classes: number, boxes: number];
  readonly share?: number;
}

const inputsOf = ({ soft: [classes, boxes] = [0, 0], share = 0 }: Weights = {}): StepInputs => ({
  ...stepInputs({
    images: tf.randomNormal([BATCH, SIZE, SIZE, 3], 0, 1, 'float32', 11),
    anchors,
    targets,
    step: 0,
  }),
  learning_rate: tf.scalar(0.01),
  soft_cls_loss: tf.scalar(classes),
  soft_box_loss: tf.scalar(boxes),
  average_decay: tf.scalar(0),
  auxiliary_decay: tf.scalar(0.75),
  previous_share: tf.scalar(share),
});

/** Class heads must see something: golden logits are near 0, so every anchor is confident. */
const variables = (): EagerVariables => new EagerVariables(goldenValues);

type Gradients = ReadonlyMap<string, Float32Array>;

function gradientsOf(
  changed: Partial<typeof model> | { branch: null },
  weights: Weights,
  teacher: Outputs | null = null,
): { gradients: Gradients; terms: Record<string, number> } {
  const whole = { ...model, ...changed };
  const trained = trainedSpecs(whole);
  const { gradients, terms } = lossesAndGradients(whole, inputsOf(weights), {
    variables: variables(),
    teacher: teacher && flattenOutputs(teacher, network.numClasses),
    specs: trained,
  });
  return {
    gradients: new Map(trained.map(({ name }, i) => [name, gradients[i]!.dataSync<'float32'>()])),
    terms: Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.dataSync()[0]!])),
  };
}

const lengthOf = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const minus = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value - b[i]!);

/** The branch's outputs with its averages, as constants. */
function branchOutputs(): Outputs {
  const held = variables();
  const { images, seed } = inputsOf();
  const { features } = efficientDet(images, { ...network, training: true, variables: held, dropSeed: seed });
  return auxiliary(features, {
    ...network,
    training: true,
    variables: {
      read: spec => held.read(spec.trainable ? averageSpec(spec) : spec),
      follow: () => undefined,
    },
  });
}

beforeAll(async () => {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
});

describe('online distillation', () => {
  it('adds D0-like variables of the branch alone, none of which the network has', () => {
    const d0 = variableSpecs({ ...network, family: familyOf('efficientdet-d0') });
    const plain = (name: string): string => name.replace(/^aux\//, '');
    const shapesOf = (list: typeof specs): Map<string, string> =>
      new Map(list.map(({ name, shape }) => [plain(name), shape.join()]));
    const shapes = shapesOf(branch);
    expect(branch.every(({ name }) => name.startsWith('aux/'))).toBe(true);
    const heads = [...shapesOf(d0)].filter(([name]) => /^(class_net|box_net)\//.test(name));
    expect(heads.map(([name]) => [name, shapes.get(name)])).toEqual(heads);
    expect([...shapes.keys()].filter(name => name.startsWith('fpn_cells/cell_2')).length).toBeGreaterThan(0);
    expect([...shapes.keys()].filter(name => name.startsWith('efficientnet'))).toEqual([]);
  });

  it('logs the hard terms of the branch beside all others', () => {
    const { terms } = gradientsOf({ hparams: Hparams.parse({ iou_loss_type: 'giou' }) }, { soft: [2, 200] });
    expect(Object.keys(terms)).toEqual([
      'cls_loss',
      'box_loss',
      'box_iou_loss',
      'loss_soft_cls',
      'loss_soft_box',
      'aux_cls_loss',
      'aux_box_loss',
      'aux_box_iou_loss',
    ]);
    for (const [name, value] of Object.entries(terms)) expect(value, name).toBeGreaterThan(0);
  });

  it('gives the branch its hard losses only, and the backbone the soft terms through the light heads only', () => {
    const silent = gradientsOf({}, {});
    const taught = gradientsOf({}, { soft: [2, 200] });
    for (const { name } of averagedOf(branch))
      expect(taught.gradients.get(name), name).toEqual(silent.gradients.get(name));
    // The same terms from a teacher that is a constant, in a network without a branch.
    const outputs = branchOutputs();
    const guided = gradientsOf({ branch: null }, { soft: [2, 200] }, outputs).gradients;
    const alone = gradientsOf({ branch: null }, {}, outputs).gradients;
    const differs: string[] = [];
    // A norm takes out again what was added before it: such a gradient is rounding of its neighbours'.
    const rounding = 1e-3 * lengthOf(Float32Array.from([...guided.values()].flatMap(values => [...values])));
    for (const [name, gradient] of guided) {
      const expected = minus(gradient, alone.get(name)!);
      const found = minus(taught.gradients.get(name)!, silent.gradients.get(name)!);
      const scale = lengthOf(gradient) + lengthOf(taught.gradients.get(name)!) + rounding;
      expect(lengthOf(minus(found, expected)) / scale, name).toBeLessThan(5e-4);
      if (lengthOf(expected) > 1e-2 * scale) differs.push(name);
    }
    expect(differs.some(name => name.startsWith('efficientnet-b0/stem'))).toBe(true);
    expect(differs.some(name => name.startsWith('class_net/'))).toBe(true);
    expect(taught.terms.aux_cls_loss).toBe(silent.terms.aux_cls_loss);
  });

  it('lets the backbone learn from the hard losses of the branch', () => {
    const stem = 'efficientnet-b0/stem/conv2d/kernel';
    const both = gradientsOf({}, {}).gradients.get(stem)!;
    const alone = gradientsOf({ branch: null }, {}).gradients.get(stem)!;
    expect(lengthOf(minus(both, alone))).toBeGreaterThan(1e-2 * lengthOf(alone));
  });

  it('mixes in the outputs of the previous version by their share', () => {
    const held = variables();
    const previous = previousOutputs(inputsOf().images, { ...network, variables: held });
    const soft = [2, 200] as const;
    const term = (weights: Weights, teacher: Outputs | null): number =>
      gradientsOf({}, weights, teacher).terms.loss_soft_cls!;
    expect(term({ soft, share: 0 }, previous)).toBeCloseTo(term({ soft }, null), 6);
    const whole = gradientsOf({ branch: null }, { soft }, previous).terms.loss_soft_cls!;
    expect(term({ soft, share: 1 }, previous)).toBeCloseTo(whole, 3);
  });

  it('is frozen by name like everything else', () => {
    const frozen = { ...model, hparams: Hparams.parse({ var_freeze_expr: 'aux/class_net' }) };
    const names = trainedSpecs(frozen).map(({ name }) => name);
    expect(names).toContain('class_net/class-predict/bias');
    expect(names).toContain('aux/box_net/box-predict/bias');
    expect(names).not.toContain('aux/class_net/class-predict/bias');
  });

  it('moves the averages towards the weights that the step leaves', () => {
    const held = variables();
    trainStep(model, inputsOf({ soft: [2, 200] }), { variables: held, teacher: null });
    for (const spec of averagedOf(branch)) {
      const average = averageSpec(spec);
      const [before, weight] = [held.read(average), held.changed.get(spec.name)!];
      const expected = tf.add(tf.mul(before, 0.75), tf.mul(weight, 0.25));
      const distance = tf.max(tf.abs(tf.sub(held.changed.get(average.name)!, expected))).dataSync()[0]!;
      expect(distance, spec.name).toBeLessThan(1e-5);
    }
  });

  it('leaves what is evaluated as it would be without', () => {
    const read: string[] = [];
    const seen = averagedVariables(
      {
        read: spec => {
          read.push(spec.name);
          return tf.zeros([...spec.shape]);
        },
        follow: () => undefined,
      },
      hparams,
    );
    efficientDet(tf.zeros([1, SIZE, SIZE, 3]), { ...network, training: false, variables: seen });
    expect([...new Set(read)].sort()).toEqual(specs.map(({ name }) => name).sort());
  });
});
