import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDetections, readGroundTruth } from '../../src/evaluation/coco-files.js';
import type { CocoGroundTruth } from '../../src/formats/coco.js';
import { generateCase, toCocoJson } from './coco-cases.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coco-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(text: string): Promise<string> {
  const file = join(folder, 'file.json');
  await writeFile(file, text);
  return file;
}

const truth: CocoGroundTruth = {
  images: [{ id: 7, width: 10, height: 10, file_name: 'a.jpg' }],
  annotations: [],
  categories: [{ id: 2, name: 'cat' }],
};

describe('COCO files', () => {
  it('come back as they were written, ids beyond 2^53 too', async () => {
    for (const seed of [2, 3, 6, 13, 27]) {
      const { truth: written, found } = generateCase(seed);
      const read = await readGroundTruth(await fileOf(toCocoJson(written)));
      expect(read).toEqual(written);
      expect(await readDetections(await fileOf(toCocoJson(found)), read)).toEqual(found);
    }
    // One of these has such ids.
    expect(typeof generateCase(6).truth.images[0]!.id).toBe('bigint');
  });

  it('may leave out area, iscrowd and sizes, and may hold what metrics do not need', async () => {
    const file = await fileOf(
      '{"info": {"note": "NaN, Infinity"}, "images": [{"id": 1, "coco_url": "x"}], "categories": [{"id": 3, "name": "cat", "supercategory": "pet"}], "annotations": [{"id": 5, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "segmentation": []}]}',
    );
    expect((await readGroundTruth(file)).annotations).toEqual([
      { id: 5, image_id: 1, category_id: 3, bbox: [1, 2, 3, 4], area: 12, iscrowd: 0 },
    ]);
  });

  it.each([
    [
      '[{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "score": NaN}]',
      '[0].score: NaN, must be a finite number',
    ],
    [
      '[{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "score": "high"}]',
      '[0].score: "high", must be a number',
    ],
    ['[{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]}]', '[0].score: nothing, must be a number'],
    [
      '[{"image_id": 7, "category_id": 2, "bbox": [1, 2, -3, 4], "score": 1}]',
      '[0].bbox: [1, 2, -3, 4], must be a width and a height that are not negative',
    ],
    [
      '[{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3], "score": 1}]',
      '[0].bbox: [1, 2, 3], must be x, y, width, height: four finite numbers',
    ],
    [
      '[{"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 1}]',
      '[0].image_id: 8, must be one of the 1 images',
    ],
    [
      '[{"image_id": 9007199254740993, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 1}]',
      '[0].image_id: 9007199254740993, must be one of the 1 images',
    ],
    [
      '[{"image_id": 1.5, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 1}]',
      '[0].image_id: 1.5, must be an integer',
    ],
    ['[7]', '[0]: not an object'],
    ['{}', ': not a list'],
    ['[', 'file.json: '],
  ])('of detections are refused where they are wrong: %s', async (text, message) => {
    await expect(readDetections(await fileOf(text), truth)).rejects.toThrow(message);
  });

  it('of ground truth are refused where they are wrong, and missing ones are named', async () => {
    const twice = { ...truth, images: [...truth.images, ...truth.images] };
    await expect(readGroundTruth(await fileOf(JSON.stringify(twice)))).rejects.toThrow(
      'images[1].id: 7, must be an id that no other entry has',
    );
    await expect(readGroundTruth(await fileOf('{"images": []}'))).rejects.toThrow('annotations: not a list');
    await expect(readGroundTruth(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'DATA_MISSING' });
  });
});
