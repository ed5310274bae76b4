import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { NmsConfigs } from '../../src/config/run.js';
import { type DetectionTensors, decodeBoxes, detect, flattenLevels } from '../../src/detection/detect.js';
import { assignTargets } from '../../src/detection/targets.js';
import { Program } from '../../src/graph/execution.js';
import { ProgramBuilder } from '../../src/graph/program.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { efficientDet } from '../../src/model/efficientdet.js';
import { AUTOML } from '../automl.js';
import { EagerVariables, golden, goldenImages, goldenValues } from '../model/golden-weights.js';
import { expectParity, largestError } from '../parity.js';
import { gridOf } from './grids.js';

const FAMILY = familyOf('efficientdet-d0');
const GRID = gridOf('efficientdet-d0', [128, 128]);
const NUM_CLASSES = 90;

interface Golden {
  readonly forward_full_and_postprocess_and_loss: {
    /** Rows of y1, x1, y2, x2, score, class id; clipped to the image. */
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
      const found = detect(
        { classLogits: loud, boxDeltas },
        { anchors: GRID, numClasses: NUM_CLASSES, nms: NmsConfigs.parse({}) },
      );
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
        { anchors: GRID, numClasses: 1, nms: NmsConfigs.parse({}) },
      );
      return [...detections.count.dataSync(), ...detections.boxes.dataSync().slice(0, 4)];
    });
    expect(kept).toEqual([1, ...GRID.boxes.subarray(400, 404)]);
  });
});

/** The settings of google/automl's four ways, by the names of its cases. */
const WAYS: Readonly<Record<string, Partial<NmsConfigs>>> = {
  'hard, per class': { method: 'hard', per_class: true },
  'gaussian, per class': { method: 'gaussian', per_class: true },
  'hard, all classes': { method: 'hard', per_class: false },
  'gaussian, all classes': { method: 'gaussian', per_class: false },
};

describe.each(AUTOML.detections)('detections, $name', expected => {
  const { size, batch, classes, max } = AUTOML.detect;
  const grid = gridOf('efficientdet-d0', [size, size]);
  const options = {
    anchors: grid,
    numClasses: classes,
    nms: NmsConfigs.parse({
      ...WAYS[expected.name],
      max_nms_inputs: expected.inputs,
      max_output_size: max,
    }),
  };
  const levels = (name: string, values: number, change: (value: number) => number): Float32Array[] =>
    grid.levels.map(({ level, height, width }) =>
      golden(`${name}-${level}`, batch * height * width * 9 * values).map(change),
    );
  const feeds = {
    logits: levels('logits', classes, value => 2 * value - 1),
    deltas: levels('deltas', 4, value => 0.5 * value),
  };
  const tensors = (maps: readonly Float32Array[], values: number): tf.Tensor4D[] =>
    maps.map((map, i) =>
      tf.tensor4d(map, [batch, grid.levels[i]!.height, grid.levels[i]!.width, 9 * values]),
    );

  function compare({ boxes, scores, classes: labels, count }: DetectionTensors): void {
    const valid = [...count.dataSync()];
    const rows = valid.flatMap((length, image) => Array.from({ length }, (_, i) => image * max + i));
    const cut = (value: number): number => (expected.clipped ? Math.min(Math.max(value, 0), size) : value);
    const [box, score, label] = [boxes.dataSync(), scores.dataSync(), labels.dataSync()];
    expect(valid).toEqual(expected.valid);
    expect(rows.map(row => label[row]! + 1)).toEqual(rows.map(row => expected.labels[row]));
    const corners = rows.flatMap(row => [0, 1, 2, 3].map(side => row * 4 + side));
    expectParity({
      item: `Post-processing, ${expected.name}: boxes`,
      reference: 'google/automl postprocess.py',
      cases: rows.length,
      error: largestError(
        corners.map(at => cut(box[at]!)),
        corners.map(at => expected.boxes[at]!),
      ),
      measure: 'pixels',
      limit: 1e-4,
    });
    expectParity({
      item: `Post-processing, ${expected.name}: scores`,
      reference: 'google/automl postprocess.py',
      cases: rows.length,
      error: largestError(
        rows.map(row => score[row]!),
        rows.map(row => expected.scores[row]!),
      ),
      measure: 'absolute',
      limit: 1e-6,
    });
  }

  it('equal google/automl, run eagerly', () => {
    tf.tidy(() => {
      const outputs = { classLogits: tensors(feeds.logits, classes), boxDeltas: tensors(feeds.deltas, 4) };
      compare(detect(outputs, options));
    });
  });

  it('equal google/automl, recorded for one image and run on two', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'detect-'));
    try {
      const builder = new ProgramBuilder();
      const port = (values: number) =>
        grid.levels.map(({ height, width }) => ({
          shape: [1, height, width, 9 * values],
          dtype: 'float32' as const,
          freeBatch: true,
        }));
      const named = <T>(name: string, list: readonly T[]) =>
        list.map((each, i) => [`${name}${i}`, each] as const);
      const inputs = Object.fromEntries([...named('logits', port(classes)), ...named('deltas', port(4))]);
      builder.signature('detect', inputs, fed => {
        const of = (name: string) => grid.levels.map((_, i) => fed[`${name}${i}`] as tf.Tensor4D);
        return { ...detect({ classLogits: of('logits'), boxDeltas: of('deltas') }, options) };
      });
      await builder.write(folder);
      const given = Object.fromEntries([
        ...named('logits', tensors(feeds.logits, classes)),
        ...named('deltas', tensors(feeds.deltas, 4)),
      ]);
      compare((await new Program(folder).run('detect', given)) as unknown as DetectionTensors);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
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
