import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { boxArea, iou, type BoxYxyx } from '../../src/boxes.js';
import { familyOf } from '../../src/config/families.js';
import { Hparams } from '../../src/config/run.js';
import type { CleanedSample } from '../../src/formats/dataset.js';
import { evaluationSample, type TrainingRecipe, trainingSample } from '../../src/data/samples.js';
import { BACKGROUND, IGNORED, type Targets } from '../../src/detection/targets.js';
import { drawImage, findRectangle, temporaryFolder } from './scene.js';
import { gridOf } from '../detection/grids.js';

const SIZE = { width: 150, height: 100 };
const RECTANGLE: BoxYxyx = [30, 15, 70, 60];
const INPUT: [number, number] = [96, 128];
const family = familyOf('efficientdet-d0');
const grid = gridOf('efficientdet-d0', INPUT);

async function setUp(
  boxes: readonly Partial<CleanedSample['boxes'][number]>[] = [{}],
  hparams: Partial<Hparams> = {},
): Promise<{ sample: CleanedSample; recipe: TrainingRecipe }> {
  const folder = await temporaryFolder();
  await drawImage({ ...SIZE, rectangle: RECTANGLE })
    .png()
    .toFile(join(folder, 'a.png'));
  const sample: CleanedSample = {
    imageId: 1,
    id: 'a',
    image: 'a.png',
    original: '/a.png',
    ...SIZE,
    boxes: boxes.map(box => ({
      box: [...RECTANGLE],
      classIndex: 0,
      crowd: false,
      difficult: false,
      area: 1,
      ...box,
    })),
  };
  const recipe: TrainingRecipe = {
    folder,
    imageSize: INPUT,
    normalisation: family.normalisation,
    hparams: Hparams.parse(hparams),
    seed: 5,
  };
  return { sample, recipe };
}

/** The boxes that the targets stand for, each once, by their class. */
function decodeTargets({ classTargets, boxTargets }: Targets): { box: BoxYxyx; classIndex: number }[] {
  const found: { box: BoxYxyx; classIndex: number }[] = [];
  classTargets.forEach((classIndex, anchor) => {
    if (classIndex < 0) return;
    const [y0, x0, y1, x1] = grid.boxes.subarray(anchor * 4) as unknown as BoxYxyx;
    const [ty, tx, th, tw] = boxTargets.subarray(anchor * 4) as unknown as BoxYxyx;
    const [height, width] = [(y1 - y0) * Math.exp(th), (x1 - x0) * Math.exp(tw)];
    const [y, x] = [(y0 + y1) / 2 + ty * (y1 - y0), (x0 + x1) / 2 + tx * (x1 - x0)];
    const box = [y - height / 2, x - width / 2, y + height / 2, x + width / 2] as const;
    if (!found.some(other => other.classIndex === classIndex && iou(other.box, box) > 0.99))
      found.push({ box, classIndex });
  });
  return found;
}

/** Between two colours an edge may be seen on either side of the pixel that it crosses. */
const HALF_A_PIXEL = 0.5 + 1e-3;

/** Where the rectangle is drawn in what the network sees. */
const findDrawn = (image: Float32Array): BoxYxyx | null =>
  findRectangle(image, { height: INPUT[0], width: INPUT[1] });

describe('trainingSample', () => {
  it('moves boxes with what they mark, whatever is drawn for flip, scale and crop', async () => {
    const { sample, recipe } = await setUp([{}], { jitter_min: 0.3, jitter_max: 2, min_visibility: 0 });
    let compared = 0;
    for (let view = 0; view < 60; view++) {
      const result = await trainingSample(sample, { view, recipe, grid });
      const drawn = findDrawn(result.image);
      const targets = decodeTargets(result);
      if (drawn === null) {
        expect(targets).toEqual([]);
        continue;
      }
      targets[0]!.box.forEach((corner, i) => {
        const limit = INPUT[i % 2]!;
        // Boxes are clipped to size - 1, as in the reference: a pixel more where the image is cut.
        const isCut = drawn[i] === limit;
        expect(Math.abs(corner - drawn[i]!)).toBeLessThanOrEqual(isCut ? 1 + HALF_A_PIXEL : HALF_A_PIXEL);
      });
      compared++;
    }
    expect(compared).toBeGreaterThan(40);
  });

  it('removes a box that the crop leaves out', async () => {
    const { sample, recipe } = await setUp([{}], { jitter_min: 4, jitter_max: 4 });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, view) => trainingSample(sample, { view, recipe, grid })),
    );
    const without = results.filter(({ image }) => findDrawn(image) === null);
    expect(without.length).toBeGreaterThan(0);
    for (const { numPositives } of without) expect(numPositives).toBe(0);
  });

  it('flips half of the time, or never where it must not', async () => {
    const still = { jitter_min: 1, jitter_max: 1 };
    const isLeft = async (view: number, flips: boolean): Promise<boolean> => {
      const { sample, recipe } = await setUp([{}], { ...still, input_rand_hflip: flips });
      const { image } = await trainingSample(sample, { view, recipe, grid });
      return findDrawn(image)![1] < 32;
    };
    const views = Array.from({ length: 40 }, (_, view) => view);
    const flipped = (await Promise.all(views.map(view => isLeft(view, true)))).filter(left => !left);
    expect(flipped.length).toBeGreaterThan(10);
    expect(flipped.length).toBeLessThan(30);
    expect((await Promise.all(views.map(view => isLeft(view, false)))).every(Boolean)).toBe(true);
  });

  it('draws the same for the same seed, view and sample, else something else', async () => {
    const { sample, recipe } = await setUp();
    const draw = async (view: number, seed: number, imageId: number): Promise<string> =>
      Buffer.from(
        (await trainingSample({ ...sample, imageId }, { view, recipe: { ...recipe, seed }, grid })).image
          .buffer,
      ).toString('base64');
    expect(await draw(3, 1, 1)).toBe(await draw(3, 1, 1));
    const drawn = await Promise.all([draw(3, 1, 1), draw(4, 1, 1), draw(3, 2, 1), draw(3, 1, 2)]);
    expect(new Set(drawn).size).toBe(4);
  });

  it('scales between jitter_min and jitter_max of the size that fits', async () => {
    const { sample, recipe } = await setUp([{}], { jitter_min: 0.5, jitter_max: 0.75 });
    for (let view = 0; view < 30; view++) {
      const { image } = await trainingSample(sample, { view, recipe, grid });
      const [top, , bottom] = findDrawn(image)!;
      // 40 of 100 rows; the image is 128 / 150 of its size where it fits.
      const factor = (bottom - top) / (40 * (128 / 150));
      expect(factor).toBeGreaterThan(0.45);
      expect(factor).toBeLessThan(0.8);
    }
  });

  it('lights each channel by its own factor within color_jitter', async () => {
    const still = { jitter_min: 1, jitter_max: 1, input_rand_hflip: false };
    const imageOf = async (color_jitter: number, view: number): Promise<Float32Array> => {
      const { sample, recipe } = await setUp([{}], { ...still, color_jitter });
      return (await trainingSample(sample, { view, recipe, grid })).image;
    };
    const plain = await imageOf(0, 0);
    const { mean, std } = family.normalisation;
    const factors = await Promise.all(
      Array.from({ length: 12 }, async (_, view) => {
        const lit = await imageOf(0.2, view);
        return [0, 1, 2].map(c => (lit[c]! * std[c]! + mean[c]!) / (plain[c]! * std[c]! + mean[c]!));
      }),
    );
    expect(await imageOf(0, 1)).toEqual(plain);
    expect(Math.min(...factors.flat())).toBeGreaterThan(0.79);
    expect(Math.max(...factors.flat())).toBeLessThan(1.21);
    expect(new Set(factors.flat().map(factor => factor.toFixed(4))).size).toBeGreaterThan(30);
  });

  describe('what it ignores', () => {
    const still = { jitter_min: 1, jitter_max: 1, input_rand_hflip: false };
    const OTHER: [number, number, number, number] = [10, 90, 60, 140];
    const countOf = ({ classTargets }: Targets, target: number): number =>
      classTargets.filter(one => one === target).length;
    const draw = async (
      boxes: readonly Partial<CleanedSample['boxes'][number]>[],
      hparams: Partial<Hparams> = {},
      view = 0,
    ): Promise<Targets> => {
      const { sample, recipe } = await setUp(boxes, { ...still, ...hparams });
      return trainingSample(sample, { view, recipe, grid });
    };

    it('matches no crowd, and ignores more anchors in one than around a difficult object', async () => {
      const [crowd, difficult] = await Promise.all([
        draw([{ crowd: true, box: [0, 0, 100, 150] }]),
        draw([{ crowd: true, difficult: true, box: [0, 0, 100, 150] }]),
      ]);
      for (const { numPositives } of [crowd!, difficult!]) expect(numPositives).toBe(0);
      expect(countOf(difficult!, IGNORED)).toBeGreaterThan(0);
      expect(countOf(crowd!, IGNORED)).toBeGreaterThan(3 * countOf(difficult!, IGNORED));
    });

    it('trains on a difficult object that cleaning left as it is', async () => {
      const targets = await draw([{ difficult: true }]);
      expect(targets.numPositives).toBeGreaterThan(0);
      expect(countOf(targets, IGNORED)).toBe(0);
    });

    it('trains on all visible boxes, however many there are', async () => {
      const boxes = Array.from({ length: 400 }, (_, i): Partial<CleanedSample['boxes'][number]> => {
        const [y, x] = [5 * Math.floor(i / 20), 7.5 * (i % 20)];
        return { classIndex: i, box: [y, x, y + 4.5, x + 7] };
      });
      const imageSize = [512, 640] as const;
      const large = gridOf('efficientdet-d0', imageSize);
      const { sample, recipe } = await setUp(boxes, { ...still, jitter_min: 2, jitter_max: 2 });
      const learned = async (view: number, some: CleanedSample['boxes']): Promise<number[]> => {
        const shown = { ...sample, boxes: some };
        const { classTargets } = await trainingSample(shown, {
          view,
          recipe: { ...recipe, imageSize },
          grid: large,
        });
        return [...new Set(classTargets.filter(target => target >= 0))].sort((a, b) => a - b);
      };
      for (let view = 0; view < 3; view++) {
        const parts: number[] = [];
        for (let at = 0; at < 400; at += 50)
          parts.push(...(await learned(view, sample.boxes.slice(at, at + 50))));
        expect(parts.length).toBeGreaterThan(80);
        expect(await learned(view, sample.boxes)).toEqual(parts);
      }
    });

    it('counts the visible boxes against max_instances_per_image, and ignores the others', async () => {
      const boxes = [
        { crowd: true, classIndex: 9, box: [0, 100, 30, 140] as [number, number, number, number] },
        { classIndex: 1 },
        { classIndex: 2, box: OTHER },
        { classIndex: 3, box: [60, 90, 99, 140] as [number, number, number, number] },
      ];
      const limited = await draw(boxes, { max_instances_per_image: 2 });
      expect(
        decodeTargets(limited)
          .map(({ classIndex }) => classIndex)
          .sort(),
      ).toEqual([1, 2]);
      const unlimited = await draw(boxes);
      expect(
        decodeTargets(unlimited)
          .map(({ classIndex }) => classIndex)
          .sort(),
      ).toEqual([1, 2, 3]);
      // What was matched to the third is not background now.
      unlimited.classTargets.forEach((target, anchor) => {
        if (target === 3) expect(limited.classTargets[anchor]).not.toBe(BACKGROUND);
      });
    });

    it('ignores a box of which the crop leaves less than min_visibility', async () => {
      const zoomed = { jitter_min: 2, jitter_max: 2 };
      const { sample, recipe } = await setUp([{}], { ...still, ...zoomed });
      const whole = boxArea(RECTANGLE) * (2 * (INPUT[1] / SIZE.width)) ** 2;
      let [cut, kept, ignored] = [0, 0, 0];
      for (let view = 0; view < 80; view++) {
        const { image, ...targets } = await trainingSample(sample, { view, recipe, grid });
        const drawn = findDrawn(image);
        const share = drawn === null ? 0 : boxArea(drawn) / whole;
        // Not near the limit, where half a pixel of the drawing decides.
        if (share > 0.3) {
          kept++;
          expect(targets.numPositives).toBeGreaterThan(0);
          expect(countOf(targets, IGNORED)).toBe(0);
        } else if (share > 0.05 && share < 0.2) {
          cut++;
          expect(targets.numPositives).toBe(0);
          ignored += countOf(targets, IGNORED);
          const asAutoml = { ...recipe, hparams: { ...recipe.hparams, min_visibility: 0 } };
          const { numPositives } = await trainingSample(sample, { view, recipe: asAutoml, grid });
          expect(numPositives).toBeGreaterThan(0);
        }
      }
      expect(cut).toBeGreaterThan(2);
      expect(ignored).toBeGreaterThan(0);
      expect(kept).toBeGreaterThan(20);
    });
  });
});

describe('evaluationSample', () => {
  it('shows the whole image at the top left; its scale leads back to the pixels of the image', async () => {
    const { sample, recipe } = await setUp();
    const { image, scale } = await evaluationSample(sample, recipe);
    // 150 × 100 fits 128 × 96 as 128 × 85.
    expect(scale).toEqual([1 / (85 / 100), 1 / (128 / 150)]);
    const back = findDrawn(image)!.map((corner, i) => corner * scale[i % 2]!);
    // The drawn edge is found to a pixel of the network.
    back.forEach((corner, i) => expect(Math.abs(corner - RECTANGLE[i]!)).toBeLessThan(scale[i % 2]!));
    const lastRow = image.subarray(-INPUT[1] * 3);
    expect(lastRow.every(value => value === 0)).toBe(true); // 128 / 150 of 100 rows are 85
  });
});
