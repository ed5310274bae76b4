import { describe, expect, it } from 'vitest';
import { boxArea, type BoxYxyx, intersect, iou } from '../../src/boxes.js';
import { familyOf } from '../../src/config/families.js';
import { type AnchorGrid, anchorOptions, createAnchors } from '../../src/detection/anchors.js';
import { assignTargets, BACKGROUND, IGNORED } from '../../src/detection/targets.js';
import { AUTOML } from '../automl.js';
import { expectParity, largestError } from '../parity.js';
import { gridOf } from './grids.js';

const GRID = gridOf('efficientdet-d0', [512, 512]);

const anchorBox = ({ boxes }: AnchorGrid, anchor: number): BoxYxyx => [
  boxes[4 * anchor]!,
  boxes[4 * anchor + 1]!,
  boxes[4 * anchor + 2]!,
  boxes[4 * anchor + 3]!,
];

/** The inverse of the box code, written out. */
function decode([ymin, xmin, ymax, xmax]: BoxYxyx, [ty, tx, th, tw]: readonly number[]): BoxYxyx {
  const [height, width] = [ymax - ymin, xmax - xmin];
  const [y, x] = [(ymin + ymax) / 2 + ty! * height, (xmin + xmax) / 2 + tx! * width];
  const [h, w] = [height * Math.exp(th!), width * Math.exp(tw!)];
  return [y - h / 2, x - w / 2, y + h / 2, x + w / 2];
}

const positives = (classTargets: Int32Array): number[] =>
  [...classTargets.keys()].filter(anchor => classTargets[anchor]! >= 0);

describe('assigning targets', () => {
  // google/automl 6a54c874, AnchorLabeler: labels 1, 5, 90, 17.
  const boxes = [
    { box: [10, 20, 200, 300], classIndex: 0 },
    { box: [100, 100, 140, 130], classIndex: 4 },
    { box: [400, 400, 410, 405], classIndex: 89 },
    { box: [0, 0, 511, 511], classIndex: 16 },
  ] as const;

  it('matches as many anchors to each box as the official labeler', () => {
    const { classTargets, numPositives } = assignTargets(GRID, boxes);
    const count = (classIndex: number) => classTargets.filter(target => target === classIndex).length;
    expect(numPositives).toBe(93);
    expect([0, 4, 89, 16].map(count)).toEqual([30, 18, 1, 44]);
    expect(count(-1)).toBe(GRID.count - 93);
    // Too small for any anchor to overlap it by half: its best one is forced.
    expect(classTargets.indexOf(89)).toBe(28_665);
  });

  it('codes boxes so that decoding gives them back', () => {
    const { classTargets, boxTargets } = assignTargets(GRID, boxes);
    for (const anchor of positives(classTargets)) {
      const { box } = boxes.find(({ classIndex }) => classIndex === classTargets[anchor])!;
      const decoded = decode(anchorBox(GRID, anchor), [...boxTargets.subarray(4 * anchor, 4 * anchor + 4)]);
      decoded.forEach((value, i) => expect(value).toBeCloseTo(box[i]!, 3));
    }
  });

  it('writes no code where nothing is matched', () => {
    const { classTargets, boxTargets } = assignTargets(GRID, boxes);
    const coded = [...classTargets.keys()].filter(anchor =>
      boxTargets.subarray(4 * anchor, 4 * anchor + 4).some(value => value !== 0),
    );
    expect(coded.every(anchor => classTargets[anchor]! >= 0)).toBe(true);
  });

  it('leaves every anchor to the background when there is no box', () => {
    const { classTargets, numPositives } = assignTargets(GRID, []);
    expect(numPositives).toBe(0);
    expect(classTargets.every(target => target === -1)).toBe(true);
  });

  it('gives an anchor that two boxes want to the first, and the other none', () => {
    const tiny = { box: [400, 400, 410, 405], classIndex: 1 } as const;
    const { classTargets, numPositives } = assignTargets(GRID, [tiny, { ...tiny, classIndex: 2 }]);
    expect(numPositives).toBe(1);
    expect(positives(classTargets).map(anchor => classTargets[anchor])).toEqual([1]);
  });

  it('gives a box that no anchor overlaps the first anchor, as the reference does', () => {
    const { classTargets } = assignTargets(GRID, [{ box: [9000, 9000, 9010, 9010], classIndex: 3 }]);
    expect(positives(classTargets)).toEqual([0]);
  });

  describe('with ignored boxes', () => {
    // Away from the anchors' own corners, where rounding would decide.
    const box: BoxYxyx = [60.3, 80.7, 200.9, 240.2];
    const anchors = [...Array(GRID.count).keys()];
    const ignoredIn = ({ classTargets }: { classTargets: Int32Array }): number[] =>
      anchors.filter(anchor => classTargets[anchor] === IGNORED);

    it('ignores the anchors with an IoU of .4 or more with an object', () => {
      const targets = assignTargets(GRID, [], [{ box, crowd: false }]);
      const near = anchors.filter(anchor => iou(anchorBox(GRID, anchor), box) >= 0.4);
      expect(near.length).toBeGreaterThan(20);
      expect(ignoredIn(targets)).toEqual(near);
      expect(targets.numPositives).toBe(0);
      expect(targets.boxTargets.every(value => value === 0)).toBe(true);
      expect(targets.classTargets.filter(target => target === BACKGROUND).length).toBe(
        GRID.count - near.length,
      );
    });

    it('ignores the anchors of which half or more lies inside a crowd', () => {
      const within = anchors.filter(anchor => {
        const one = anchorBox(GRID, anchor);
        return boxArea(intersect(one, box)) / boxArea(one) >= 0.5;
      });
      const ignored = ignoredIn(assignTargets(GRID, [], [{ box, crowd: true }]));
      // Small anchors inside, which have nearly no IoU with the whole.
      expect(ignored.length).toBeGreaterThan(1000);
      expect(ignored).toEqual(within);
    });

    it('matches labelled boxes as if there were no ignored ones', () => {
      const plain = assignTargets(GRID, boxes);
      const inside = [
        { box: boxes[0].box, crowd: false },
        { box: boxes[3].box, crowd: true },
      ];
      const { classTargets, boxTargets, numPositives } = assignTargets(GRID, boxes, inside);
      expect(positives(classTargets)).toEqual(positives(plain.classTargets));
      expect(boxTargets).toEqual(plain.boxTargets);
      expect(numPositives).toBe(plain.numPositives);
      expect(ignoredIn({ classTargets }).length).toBeGreaterThan(0);
    });
  });

  it.each(Object.entries(AUTOML.ratios))(
    'equal those of google/automl, aspect ratios as %s',
    (name, ratios) => {
      const cases = AUTOML.targets.filter(({ ratios: convention }) => convention === name);
      const options = anchorOptions(familyOf('efficientdet-d0'), ratios);
      let [differences, error] = [0, 0];
      for (const { size, boxes: labelled, positives: count, anchors, classes, codes } of cases) {
        const some = labelled.map((box, i) => ({ box, classIndex: i % 90 }));
        const { classTargets, boxTargets, numPositives } = assignTargets(createAnchors(options, size), some);
        const found = positives(classTargets);
        const wanted = new Map(anchors.map((anchor, i) => [anchor, classes[i]!]));
        differences += Math.abs(numPositives - count) + Math.abs(found.length - anchors.length);
        differences += found.filter(anchor => classTargets[anchor] !== wanted.get(anchor)).length;
        const sums = [0, 1, 2, 3].map(side =>
          found.reduce((sum, anchor) => sum + boxTargets[4 * anchor + side]!, 0),
        );
        if (codes.length > 0) error = Math.max(error, largestError(sums, codes, 'of the largest value'));
      }
      const common = { reference: 'google/automl AnchorLabeler', cases: cases.length };
      expectParity({
        ...common,
        item: `Matching, aspect ratios as ${name}`,
        error: differences,
        measure: 'differences',
        limit: 0,
      });
      expectParity({
        ...common,
        item: `Box codes, aspect ratios as ${name}`,
        error,
        measure: 'of the largest value',
        limit: 1e-5,
      });
    },
  );
});
