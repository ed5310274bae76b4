import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { labelQuality, type ReviewedImage } from '../../../src/data/cleaning/label-quality.js';
import { expectParity } from '../../parity.js';

/** Rows: x1, y1, x2, y2, class (and score). */
interface Golden {
  readonly cases: readonly {
    readonly images: readonly { labels: number[][]; predictions: number[][] }[];
    readonly overlooked: readonly (number | null)[][];
    readonly swapped: readonly number[][];
    readonly badlyLocated: readonly number[][];
    readonly score: readonly number[];
  }[];
}

const given = ([x1, y1, x2, y2, classIndex]: readonly number[]) => ({
  box: [y1!, x1!, y2!, x2!] as const,
  classIndex: classIndex!,
});
const imageOf = ({ labels, predictions }: Golden['cases'][number]['images'][number]): ReviewedImage => ({
  labels: labels.map(given),
  predictions: predictions.map(row => ({ ...given(row), score: row[5]! })),
});

describe('label quality', () => {
  it("equals cleanlab's on 25 generated data sets: every box, every kind, every image", async () => {
    const file = new URL('../../golden/objectlab.json', import.meta.url);
    const { cases } = JSON.parse(await readFile(file, 'utf8')) as Golden;
    let [error, compared, meaningful] = [0, 0, 0];
    const compare = (ours: readonly (number | null)[], theirs: readonly (number | null)[]): void => {
      expect(ours.map(value => value === null)).toEqual(theirs.map(value => value === null));
      ours.forEach((value, i) => {
        error = Math.max(error, Math.abs((value ?? 0) - (theirs[i] ?? 0)));
        compared++;
        if (value !== null && value < 1) meaningful++;
      });
    };
    for (const { images, ...expected } of cases) {
      const found = labelQuality(images.map(imageOf), { low: 0.5, high: 0.95 });
      compare(
        found.map(({ score }) => score),
        expected.score,
      );
      found.forEach((image, i) => {
        for (const kind of ['overlooked', 'swapped', 'badlyLocated'] as const)
          compare(image[kind], expected[kind][i]!);
      });
    }
    expect(meaningful).toBeGreaterThan(400);
    expectParity({
      item: 'Label quality of boxes and images (ObjectLab)',
      reference: 'cleanlab',
      cases: compared,
      error,
      measure: 'absolute',
      limit: 1e-9,
    });
  });
});
