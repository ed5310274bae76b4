import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import { assignTargets } from '../../src/detection/targets.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { isDecayed, lossTerms, type TargetTensors } from '../../src/losses/terms.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { gridOf } from '../detection/grids.js';
import { goldenValues } from '../model/golden-weights.js';
import { expectParity } from '../parity.js';

interface Golden {
  readonly forward_full_and_postprocess_and_loss: Record<
    'loss_default' | 'loss_label_smoothing_0.1' | 'loss_giou' | 'loss_ciou',
    { cls_loss: number; box_loss: number; det_loss: number; box_iou_loss?: number }
  > & { l2: { n_vars_matched_d0: number; reg_l2_loss_on_golden_weights: number } };
}
// google/automl 6a54c874, train_lib.py; logits, deltas and boxes by the rules below.
const GOLDEN = (
  JSON.parse(readFileSync(new URL('../golden/efficientdet.json', import.meta.url), 'utf8')) as Golden
).forward_full_and_postprocess_and_loss;

const FAMILY = familyOf('efficientdet-d0');
const GRID = gridOf('efficientdet-d0', [512, 512]);
const NUM_CLASSES = 90;

const TARGETS = assignTargets(GRID, [
  { box: [10, 20, 200, 300], classIndex: 0 },
  { box: [100, 100, 140, 130], classIndex: 4 },
  { box: [400, 400, 410, 405], classIndex: 89 },
  { box: [0, 0, 511, 511], classIndex: 16 },
]);
const LOGITS = Float32Array.from(
  { length: GRID.count * NUM_CLASSES },
  (_, i) => ((31 * i + 7) % 255) / 127.5 - 3,
);
const DELTAS = Float32Array.from({ length: GRID.count * 4 }, (_, i) => 0.5 * (((17 * i + 3) % 101) / 50 - 1));

beforeAll(async () => {
  await loadTensorFlow();
});

/** The golden image `batch` times over. */
function lossesOf(hparams: Partial<Hparams>, batch = 1): Record<string, number> {
  return tf.tidy(() => {
    const repeat = <T extends tf.Tensor>(tensor: T): T =>
      tf.tile(tensor, [batch, ...tensor.shape.slice(1).map(() => 1)]);
    const targets: TargetTensors = {
      classTargets: repeat(tf.tensor2d(TARGETS.classTargets, [1, GRID.count], 'int32')),
      boxTargets: repeat(tf.tensor3d(TARGETS.boxTargets, [1, GRID.count, 4])),
      numPositives: repeat(tf.tensor1d([TARGETS.numPositives])),
    };
    const terms = lossTerms({
      student: {
        logits: repeat(tf.tensor3d(LOGITS, [1, GRID.count, NUM_CLASSES])),
        deltas: repeat(tf.tensor3d(DELTAS, [1, GRID.count, 4])),
      },
      targets,
      soft: null,
      anchors: GRID,
      hparams: Hparams.parse(hparams),
    });
    return Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.dataSync()[0]!]));
  });
}

/** 32-bit sums over 4.4 million terms. */
const LIMIT = 1e-5;
const errorOf = (found: number, expected: number): number => Math.abs(found / expected - 1);
const expectNear = (found: number, expected: number): void =>
  expect(errorOf(found, expected)).toBeLessThan(LIMIT);

describe('detection losses', () => {
  it.each([
    ['loss_default', {}],
    ['loss_label_smoothing_0.1', { label_smoothing: 0.1 }],
    ['loss_giou', { iou_loss_type: 'giou' }],
    ['loss_ciou', { iou_loss_type: 'ciou' }],
  ] as const)('equal the official %s', (name, hparams) => {
    const { cls_loss, box_loss, box_iou_loss = 0, ...others } = lossesOf(hparams);
    const expected = GOLDEN[name];
    expect(others).toEqual({});
    const error = Math.max(
      errorOf(cls_loss!, expected.cls_loss),
      errorOf(box_loss!, expected.box_loss),
      errorOf(cls_loss! + 50 * box_loss! + box_iou_loss, expected.det_loss),
      expected.box_iou_loss === undefined ? 0 : errorOf(box_iou_loss, expected.box_iou_loss),
    );
    expectParity({
      item: `Losses on D0's 49,104 anchors: ${name}`,
      reference: 'google/automl train_lib.py',
      cases: 1,
      error,
      measure: 'relative',
      limit: LIMIT,
    });
  });

  it('of two equal images differ from one only by the 1 in the normaliser', () => {
    // Not so in google/automl: there the anchors of a second image are paired with the first one's boxes.
    const hparams = { iou_loss_type: 'diou' } as const;
    const [one, two] = [lossesOf(hparams), lossesOf(hparams, 2)];
    const { numPositives: n } = TARGETS;
    const factor = (2 * (n + 1)) / (2 * n + 1);
    expectNear(two.cls_loss!, one.cls_loss! * factor);
    expectNear(two.box_loss!, one.box_loss! * factor);
    expectNear(two.box_iou_loss!, one.box_iou_loss! * factor);
  });
});

describe('weight decay', () => {
  it('takes the kernels of D0, 150 of them, and gives the official sum', () => {
    const decayed = variableSpecs({ family: FAMILY, numClasses: NUM_CLASSES }).filter(({ name }) =>
      isDecayed(name),
    );
    const squares = decayed.map(spec => goldenValues(spec).reduce((sum, value) => sum + value * value, 0));
    expect(decayed.length).toBe(GOLDEN.l2.n_vars_matched_d0);
    expectNear(squares.reduce((a, b) => a + b, 0) * (4e-5 / 2), GOLDEN.l2.reg_l2_loss_on_golden_weights);
  });
});
