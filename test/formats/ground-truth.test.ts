import { expect, it } from 'vitest';
import type { CleanedDataset } from '../../src/formats/dataset.js';
import { groundTruthCoco } from '../../src/formats/ground-truth.js';

it('gives the boxes of a split as COCO has them: x, y, width, height, categories from 1', () => {
  const sample = (imageId: number): CleanedDataset['splits']['train'][number] => ({
    imageId,
    id: `s${imageId}`,
    image: `images/eval/s${imageId}.png`,
    original: `/data/s${imageId}.png`,
    width: 60,
    height: 40,
    boxes: [
      { box: [2, 4, 20, 34], classIndex: 1, crowd: false, difficult: false, area: 500 },
      { box: [0, 0, 10, 10], classIndex: 0, crowd: true, difficult: false, area: 100 },
    ],
  });
  const dataset = {
    classes: ['ant', 'bee'],
    splits: { train: [sample(1)], eval: [sample(2), sample(3)], test: [] },
  };
  const { images, annotations, categories } = groundTruthCoco(dataset, 'eval');
  expect(images).toEqual([
    { id: 2, width: 60, height: 40, file_name: 'images/eval/s2.png' },
    { id: 3, width: 60, height: 40, file_name: 'images/eval/s3.png' },
  ]);
  expect(annotations).toEqual([
    { id: 1, image_id: 2, category_id: 2, bbox: [4, 2, 30, 18], area: 500, iscrowd: 0 },
    { id: 2, image_id: 2, category_id: 1, bbox: [0, 0, 10, 10], area: 100, iscrowd: 1 },
    { id: 3, image_id: 3, category_id: 2, bbox: [4, 2, 30, 18], area: 500, iscrowd: 0 },
    { id: 4, image_id: 3, category_id: 1, bbox: [0, 0, 10, 10], area: 100, iscrowd: 1 },
  ]);
  expect(categories).toEqual([
    { id: 1, name: 'ant' },
    { id: 2, name: 'bee' },
  ]);
});
