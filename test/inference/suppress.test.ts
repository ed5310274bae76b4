import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { NmsConfigs } from '../../src/config/run.js';
import { detect } from '../../src/detection/detect.js';
import type { RawMaps } from '../../src/inference/candidates.js';
import { type KeptBox, suppress, suppressComplete } from '../../src/inference/suppress.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { AUTOML } from '../automl.js';
import { golden } from '../model/golden-weights.js';
import { expectParity, largestError } from '../parity.js';
import { gridOf } from '../detection/grids.js';
import { randomFrom } from '../../src/random.js';

beforeAll(async () => {
  await loadTensorFlow();
});

/** One map a level, for `images`, channels last as TensorFlow has them. */
interface Maps {
  readonly logits: readonly Float32Array[];
  readonly deltas: readonly Float32Array[];
}
type Grid = ReturnType<typeof gridOf>;

/** [images, h, w, c] → [c, h, w] of one of them. */
function channelsFirst(
  map: Float32Array,
  image: number,
  [area, channels]: readonly [number, number],
): Float32Array {
  const moved = new Float32Array(area * channels);
  const first = image * area * channels;
  for (let cell = 0; cell < area; cell++)
    for (let channel = 0; channel < channels; channel++)
      moved[channel * area + cell] = map[first + cell * channels + channel]!;
  return moved;
}

const rawMaps = ({ logits, deltas }: Maps, grid: Grid, image: number): RawMaps => {
  const of = (maps: readonly Float32Array[]): Float32Array[] =>
    maps.map((map, level) => {
      const area = grid.levels[level]!.height * grid.levels[level]!.width;
      const images = maps === logits ? map.length / area : 0;
      const channels = maps === logits ? images / IMAGES : 36;
      return channelsFirst(map, image, [area, channels]);
    });
  return { classLogits: of(logits), boxDeltas: of(deltas) };
};
const IMAGES = AUTOML.detect.batch;

const WAYS: Readonly<Record<string, Partial<NmsConfigs>>> = {
  'hard, per class': { method: 'hard', per_class: true },
  'gaussian, per class': { method: 'gaussian', per_class: true },
  'hard, all classes': { method: 'hard', per_class: false },
  'gaussian, all classes': { method: 'gaussian', per_class: false },
};

const { size, classes, max } = AUTOML.detect;
const GRID = gridOf('efficientdet-d0', [size, size]);
const level = (name: string, values: number, change: (value: number) => number): Float32Array[] =>
  GRID.levels.map(row =>
    golden(`${name}-${row.level}`, IMAGES * row.height * row.width * 9 * values).map(change),
  );
const MAPS: Maps = {
  logits: level('logits', classes, value => 2 * value - 1),
  deltas: level('deltas', 4, value => 0.5 * value),
};

describe.each(AUTOML.detections)('suppression without TensorFlow, $name', expected => {
  it('equals google/automl', () => {
    const nms = NmsConfigs.parse({
      ...WAYS[expected.name],
      max_nms_inputs: expected.inputs,
      max_output_size: max,
    });
    const found = Array.from({ length: IMAGES }, (_, image) =>
      suppress(rawMaps(MAPS, GRID, image), { grid: GRID, numClasses: classes, nms }),
    );
    expect(found.map(kept => kept.length)).toEqual(expected.valid);
    const rows = found.flatMap((kept, image) => kept.map((one, i) => ({ ...one, row: image * max + i })));
    expect(rows.map(({ classIndex }) => classIndex + 1)).toEqual(rows.map(({ row }) => expected.labels[row]));
    const cut = (value: number): number => (expected.clipped ? Math.min(Math.max(value, 0), size) : value);
    const common = { reference: 'google/automl postprocess.py', cases: rows.length };
    expectParity({
      ...common,
      item: `Post-processing without TensorFlow, ${expected.name}: boxes`,
      error: largestError(
        rows.flatMap(({ box }) => [...box].map(cut)),
        rows.flatMap(({ row }) => expected.boxes.slice(row * 4, row * 4 + 4)),
      ),
      measure: 'pixels',
      limit: 1e-4,
    });
    expectParity({
      ...common,
      item: `Post-processing without TensorFlow, ${expected.name}: scores`,
      error: largestError(
        rows.map(({ score }) => score),
        rows.map(({ row }) => expected.scores[row]!),
      ),
      measure: 'absolute',
      limit: 1e-6,
    });
  });
});

/** What the recorded and the eager programs do. */
function byTensorFlow(maps: Maps, nms: NmsConfigs): KeptBox[][] {
  tf.engine().startScope();
  try {
    const tensors = (list: readonly Float32Array[]): tf.Tensor4D[] =>
      list.map((map, i) => {
        const { height, width } = GRID.levels[i]!;
        return tf.tensor4d(map, [IMAGES, height, width, map.length / (IMAGES * height * width)]);
      });
    const {
      boxes,
      scores,
      classes: labels,
      count,
    } = detect(
      { classLogits: tensors(maps.logits), boxDeltas: tensors(maps.deltas) },
      { anchors: GRID, numClasses: classes, nms },
    );
    const [box, score, label] = [boxes.dataSync(), scores.dataSync(), labels.dataSync()];
    return [...count.dataSync()].map((length, image) =>
      Array.from({ length }, (_, i) => {
        const at = image * nms.max_output_size + i;
        return {
          box: Float64Array.from(box.slice(4 * at, 4 * at + 4)),
          classIndex: label[at]!,
          score: score[at]!,
        };
      }),
    );
  } finally {
    tf.engine().endScope();
  }
}

function compare(found: readonly KeptBox[], expected: readonly KeptBox[]): void {
  expect(found.map(({ classIndex }) => classIndex)).toEqual(expected.map(({ classIndex }) => classIndex));
  const scores = (list: readonly KeptBox[]): number[] => list.map(({ score }) => score);
  const sides = (list: readonly KeptBox[]): number[] => list.flatMap(({ box }) => [...box]);
  expect(largestError(scores(found), scores(expected))).toBeLessThan(1e-6);
  expect(largestError(sides(found), sides(expected))).toBeLessThan(1e-3);
}

describe.each(Object.entries(WAYS))('suppression without TensorFlow, %s', (_, way) => {
  it.each([
    ['few that score enough', { score_thresh: 0.7, max_output_size: 100 }],
    ['all score enough', { score_thresh: 0, max_output_size: 40 }],
    ['little overlap allowed', { score_thresh: 0.5, iou_thresh: 0.1, max_output_size: 100 }],
    ['none scores enough', { score_thresh: 1, max_output_size: 5 }],
    ['few looked at', { score_thresh: 0.01, max_nms_inputs: 20, max_output_size: 100 }],
  ])('keeps what TensorFlow keeps, in its order: %s', (__, settings) => {
    const nms = NmsConfigs.parse({ ...way, ...settings });
    const expected = byTensorFlow(MAPS, nms);
    expected.forEach((list, image) => {
      const found = suppress(rawMaps(MAPS, GRID, image), { grid: GRID, numClasses: classes, nms });
      compare(found, list);
    });
  });

  // TensorFlow's CombinedNonMaxSuppression has no rule for them.
  if (way.method !== 'hard' || !way.per_class)
    it('takes equal scores in the order of TensorFlow', () => {
      const nms = NmsConfigs.parse({ ...way, score_thresh: 0.1, max_output_size: 30 });
      const equal = { logits: MAPS.logits.map(map => map.map(Math.sign)), deltas: MAPS.deltas };
      const [expected] = byTensorFlow(equal, nms);
      const found = suppress(rawMaps(equal, GRID, 0), { grid: GRID, numClasses: classes, nms });
      compare(found, expected!);
    });
});

// More than 20,000 candidates: fewer are all looked at.
describe('suppression of tens of thousands of candidates', () => {
  const random = randomFrom('many candidates');
  const draw = (grid: Grid, values: number, scale: number): Float32Array[] =>
    grid.levels.map(({ count }) =>
      Float32Array.from({ length: count * values }, () => scale * random.uniform(-1, 1)),
    );
  const found = (maps: RawMaps, grid: Grid, changes: Partial<NmsConfigs>): KeptBox[] =>
    suppress(maps, { grid, numClasses: 3, nms: NmsConfigs.parse(changes) });

  it.each([
    [true, 256],
    [false, 384],
  ])('looks at the best only and keeps the same: per class %s', (per_class, side) => {
    const grid = gridOf('efficientdet-d0', [side, side]);
    const maps = { classLogits: draw(grid, 3, 5), boxDeltas: draw(grid, 4, 0.5) };
    // More than there can be: every candidate has been looked at.
    const all = found(maps, grid, { per_class, max_output_size: 500_000 });
    expect(all.length).toBeGreaterThan(100);
    expect(found(maps, grid, { per_class })).toEqual(all.slice(0, 100));
  });

  it('looks at all where the best suppress each other', () => {
    const grid = gridOf('efficientdet-d0', [256, 256]);
    const classLogits = draw(grid, 3, 0.1);
    // The largest anchors are sure, and all of a size that covers the image; the others are not, and small.
    const boxDeltas = grid.levels.map(({ count }) => new Float32Array(count * 4));
    const least = classLogits.map(logits => logits.map(logit => logit - 3));
    least[0] = least[0]!.map((logit, i) => (i < 6_000 ? logit + 8 : logit));
    boxDeltas[0]!.fill(5); // exp(5) times the anchor: all much the same
    const maps = { classLogits: least, boxDeltas };
    const all = found(maps, grid, { max_output_size: 500_000 });
    expect(found(maps, grid, {})).toEqual(all.slice(0, 100));
  });
});

describe('maps that are complete from a logit on', () => {
  const nms = NmsConfigs.parse({ score_thresh: 0.001, max_output_size: 10 });
  const options = { grid: GRID, numClasses: classes, nms };
  const maps = rawMaps(MAPS, GRID, 0);
  const sorted = Float32Array.from(maps.classLogits.flatMap(logits => [...logits])).sort();

  it('give what all give where these are enough, and ask for more where not', () => {
    const all = suppress(maps, options);
    for (const [kept, isEnough] of [
      [2000, true],
      [5, false],
    ] as const) {
      const from = sorted.at(-kept)!;
      const some = maps.classLogits.map(logits => logits.map(logit => (logit < from ? -100 : logit)));
      const found = suppressComplete({ ...maps, classLogits: some }, from, options);
      expect(found).toEqual(isEnough ? all : null);
    }
    expect(suppressComplete(maps, -20, options)).toEqual(all);
    expect(suppressComplete(maps, 0, { ...options, nms: { ...nms, method: 'gaussian' } })).toBeNull();
  });
});
