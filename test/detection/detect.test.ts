import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { createAnchors } from '../../src/detection/anchors.js';
import { decodeBoxes, detect, flattenLevels, SELECTION } from '../../src/detection/detect.js';
import { assignTargets } from '../../src/detection/targets.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { efficientDet } from '../../src/model/efficientdet.js';
import { EagerVariables, goldenImages, goldenValues } from '../model/golden-weights.js';

const FAMILY = familyOf('efficientdet-d0');
const GRID = createAnchors(FAMILY, [128, 128]);
const NUM_CLASSES = 90;

interface Golden {
  readonly forward_full_and_postprocess_and_loss: {
    /** Rows of y1, x1, y2, x2, score, class id; clipped to the picture. */
    readonly det_global_hard_top10: number[][];
  };
}
// google/automl 6a54c874, postprocess.postprocess_global: hard, IoU .5, boxes times 2. All of the ten best are of one
// class, so suppressing class by class must find the same.
const GOLDEN = (
  JSON.parse(readFileSync(new URL('../golden/efficientdet.json', import.meta.url), 'utf8')) as Golden
).forward_full_and_postprocess_and_loss.det_global_hard_top10;

/** Two of the scores are equal in 32 bits: their order means nothing. */
const byScore = (rows: readonly number[][]): number[][] =>
  rows.toSorted((a, b) => Number(b[4]!.toFixed(7)) - Number(a[4]!.toFixed(7)) || a[1]! - b[1]!);

beforeAll(async () => {
  await loadTensorFlow();
});

describe('detections', () => {
  it('of the golden network equal the official post-processing', () => {
    const [box, score, label, count] = tf.tidy(() => {
      const { classLogits, boxDeltas } = efficientDet(tf.tensor4d(goldenImages(128, 128), [1, 128, 128, 3]), {
        family: FAMILY,
        numClasses: NUM_CLASSES,
        training: false,
        variables: new EagerVariables(goldenValues),
      });
      const loud = classLogits.map(level => tf.mul<tf.Tensor4D>(level, 30));
      const found = detect({ classLogits: loud, boxDeltas }, { anchors: GRID, numClasses: NUM_CLASSES });
      return [found.boxes, found.scores, found.classes, found.count].map(tensor => [...tensor.dataSync()]);
    }) as [number[], number[], number[], number[]];
    expect(count).toEqual([100]);
    const found = GOLDEN.map((_, row) => [
      ...box.slice(4 * row, 4 * row + 4).map(value => Math.min(256, Math.max(0, 2 * value))),
      score[row]!,
      label[row]! + 1,
    ]);
    const expected = byScore(GOLDEN);
    byScore(found).forEach((row, i) => {
      row.slice(0, 4).forEach((value, c) => expect(value).toBeCloseTo(expected[i]![c]!, 2));
      expect(row[4]).toBeCloseTo(expected[i]![4]!, 6);
      expect(row[5]).toBe(expected[i]![5]);
    });
  });

  it('leave out what scores too little', () => {
    const kept = tf.tidy(() => {
      // One sure anchor among silent ones.
      const logits = tf.buffer([1, GRID.count, 1], 'float32', new Float32Array(GRID.count).fill(-20));
      logits.set(3, 0, 100, 0);
      const [sizes, deltas] = [levelSizes(), tf.zeros([1, GRID.count, 4])];
      const detections = detect(
        {
          classLogits: unflatten(logits.toTensor(), sizes, 1),
          boxDeltas: unflatten(deltas as tf.Tensor3D, sizes, 4),
        },
        { anchors: GRID, numClasses: 1, selection: SELECTION },
      );
      return [...detections.count.dataSync(), ...detections.boxes.dataSync().slice(0, 4)];
    });
    expect(kept).toEqual([1, ...GRID.boxes.subarray(400, 404)]);
  });
});

describe('decoding', () => {
  it('gives the labelled boxes back from their targets', () => {
    const box = [20, 30, 90, 100] as const;
    const { classTargets, boxTargets, numPositives } = assignTargets(GRID, [{ box, classIndex: 0 }]);
    const decoded = tf.tidy(() => decodeBoxes(tf.tensor3d(boxTargets, [1, GRID.count, 4]), GRID).dataSync());
    expect(numPositives).toBeGreaterThan(1);
    classTargets.forEach((target, anchor) => {
      if (target < 0) return;
      box.forEach((value, i) => expect(decoded[4 * anchor + i]).toBeCloseTo(value, 3));
    });
  });

  it('of no deltas gives the anchors themselves', () => {
    const decoded = tf.tidy(() => decodeBoxes(tf.zeros([1, GRID.count, 4]), GRID).dataSync());
    expect(Math.max(...decoded.map((value, i) => Math.abs(value - GRID.boxes[i]!)))).toBeLessThan(1e-4);
  });

  it('flattens levels in the order of the anchors', () => {
    const flat = tf.tidy(() => {
      const all = tf.reshape(tf.range(0, GRID.count * 4), [1, GRID.count, 4]) as tf.Tensor3D;
      return flattenLevels(unflatten(all, levelSizes(), 4), 4).dataSync();
    });
    expect(flat).toEqual(Float32Array.from({ length: GRID.count * 4 }, (_, i) => i));
  });
});

const levelSizes = (): [height: number, width: number][] =>
  GRID.levels.map(({ height, width }) => [height, width]);

/** [batch, anchors, values] → one map a level, as the network gives them. */
function unflatten(all: tf.Tensor, sizes: readonly [number, number][], values: number): tf.Tensor4D[] {
  const parts = tf.split(
    all,
    sizes.map(([height, width]) => 9 * height * width),
    1,
  );
  return parts.map((part, i) => tf.reshape(part, [1, ...sizes[i]!, 9 * values]) as tf.Tensor4D);
}
