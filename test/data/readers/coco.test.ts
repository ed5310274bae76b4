import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Split, SPLITS } from '../../../src/formats/dataset.js';
import { coco } from '../../../src/data/readers/coco.js';
import { datasetReaderContract, type ReaderMember, type SceneImage } from '../../contracts/dataset-reader.js';
import { temporaryFolder } from '../scene.js';

const CATEGORY_IDS: Readonly<Record<string, number>> = { car: 3, 'traffic light & sign': 90 };

/** Ids with gaps, images not in the order of their ids, as in the official files. */
function cocoJson(scene: readonly SceneImage[]): string {
  const idOf = ({ name }: SceneImage): number => 1000 - name.length;
  return JSON.stringify({
    info: { description: 'scene' },
    images: scene.map(image => ({
      id: idOf(image),
      file_name: `${image.name}.png`,
      width: image.width,
      height: image.height,
    })),
    annotations: scene.flatMap(image =>
      image.boxes.map(({ label, box: [y0, x0, y1, x1] }, index) => ({
        id: index,
        image_id: idOf(image),
        category_id: CATEGORY_IDS[label],
        bbox: [x0, y0, x1 - x0, y1 - y0],
        iscrowd: 0,
      })),
    ),
    categories: Object.entries(CATEGORY_IDS).map(([name, id]) => ({ id, name })),
  });
}

const member = (images: string, fileOf: (split: Split | 'all') => string): ReaderMember => ({
  format: 'coco',
  imageOf: (folder, name) => join(folder, images, `${name}.png`),
  async label(folder, scene, named) {
    if (!named) return writeText(join(folder, fileOf('all')), cocoJson(scene));
    for (const split of SPLITS) {
      const own = scene.filter(image => image.split === split);
      if (own.length > 0) await writeText(join(folder, fileOf(split)), cocoJson(own));
    }
  },
});

datasetReaderContract(
  'COCO, one folder',
  member('', split => `${split === 'eval' ? 'val' : split}.json`),
);
datasetReaderContract(
  'COCO, the official layout',
  member('images', split => `annotations/instances_${split === 'eval' ? 'val' : split}2017.json`),
);

async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

async function writeJson(content: unknown, name = 'labels.json'): Promise<string> {
  const file = join(await temporaryFolder(), name);
  await writeText(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const image = { id: 7, file_name: 'a.jpg', width: 10, height: 10 };
const category = { id: 18, name: 'dog' };

describe('the COCO reader', () => {
  it('reads a single file, crowd flags and areas included', async () => {
    const file = await writeJson({
      images: [image],
      annotations: [{ image_id: 7, category_id: 18, bbox: [1, 2, 3, 4], iscrowd: 1, area: 5 }],
      categories: [category, { id: 44, name: 'unused' }],
    });
    const { samples, classLists } = await coco.read(file);
    expect(samples[0]!.boxes).toEqual([
      { box: [2, 1, 6, 4], label: 'dog', crowd: true, difficult: false, area: 5 },
    ]);
    expect(classLists).toEqual([['dog', 'unused']]);
  });

  it('finds images in the folder that is named after the split', async () => {
    const folder = await temporaryFolder();
    const content = { images: [image], annotations: [], categories: [category] };
    await writeText(join(folder, 'annotations/instances_val2017.json'), JSON.stringify(content));
    await writeText(join(folder, 'val2017/a.jpg'), '');
    expect((await coco.read(folder)).samples[0]!.image).toBe(join(folder, 'val2017/a.jpg'));
  });

  it('prefers the files of boxes to those of captions and key points', async () => {
    const folder = await temporaryFolder();
    const content = { images: [image], annotations: [], categories: [category] };
    for (const kind of ['captions', 'instances', 'person_keypoints'])
      await writeText(join(folder, `annotations/${kind}_train2017.json`), JSON.stringify(content));
    expect((await coco.read(folder)).samples[0]!.annotation).toMatch(/instances_train2017.json$/);
  });

  it('never lets a name lead out of the folder', async () => {
    const images = [
      { ...image, file_name: '../../etc/a.jpg' },
      { ...image, id: 8, file_name: '..\\b.jpg' },
    ];
    const file = await writeJson({ images, annotations: [], categories: [] });
    expect((await coco.read(file)).samples.map(({ id }) => id)).toEqual(['b', 'etc/a']);
  });

  it('tells two entries of one name apart by their id', async () => {
    const images = [image, { ...image, id: 8 }];
    const file = await writeJson({ images, annotations: [], categories: [] });
    expect((await coco.read(file)).samples.map(({ id }) => id)).toEqual(['a.jpg-7', 'a.jpg-8']);
  });

  it('keeps labels whose category or image does not exist, so that they are seen', async () => {
    const annotations = [
      { image_id: 7, category_id: 5, bbox: [1, 2, 3, 4] },
      { image_id: 99, category_id: 18, bbox: [1, 2, 3, 4] },
    ];
    const { samples } = await coco.read(
      await writeJson({ images: [image], annotations, categories: [category] }),
    );
    expect(samples[0]!.boxes[0]!.label).toBe('category 5');
    expect(samples[1]!.problem).toBe('annotations name image 99, which images does not list');
  });

  it('gives NaN for a box that is missing or too short', async () => {
    const annotations = [
      { image_id: 7, category_id: 18 },
      { image_id: 7, category_id: 18, bbox: [1, 2, null] },
    ];
    const { samples } = await coco.read(
      await writeJson({ images: [image], annotations, categories: [category] }),
    );
    expect(samples[0]!.boxes.map(({ box }) => box)).toEqual([
      [NaN, NaN, NaN, NaN],
      [2, 1, NaN, NaN],
    ]);
  });

  it('keeps ids beyond 2^53 apart', async () => {
    const [one, two] = ['9007199254740992', '9007199254740993'];
    const file = await writeJson(
      `{"images": [{"id": ${one}, "file_name": "a.jpg"}, {"id": ${two}, "file_name": "b.jpg"}], "annotations": [` +
        `{"image_id": ${two}, "category_id": 18, "bbox": [1, 2, 3, 4]}], "categories": [{"id": 18, "name": "dog"}]}`,
    );
    const { samples } = await coco.read(file);
    expect(samples.map(({ id, boxes }) => [id, boxes.length])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  it('gives NaN where Python wrote it, and leaves texts alone that contain it', async () => {
    const file = await writeJson(
      '{"info": {"scale": NaN}, "images": [{"id": 7, "file_name": "NaN.jpg"}], "annotations": [' +
        '{"image_id": 7, "category_id": 18, "bbox": [NaN, 2, 3, -Infinity]}], "categories": [{"id": 18, "name": "dog"}]}',
    );
    const { samples } = await coco.read(file);
    expect(samples.map(({ id, boxes }) => [id, boxes[0]?.box])).toEqual([['NaN', [2, NaN, -Infinity, NaN]]]);
  });

  it('names the place in a file that is not as it should be', async () => {
    const file = await writeJson({ images: [{ id: 1 }], annotations: [], categories: [] });
    await expect(coco.read(file)).rejects.toMatchObject({
      code: 'COCO_ENTRY_INVALID',
      message: expect.stringContaining(`${file}: images[0].file_name`) as string,
    });
    await expect(coco.read(await writeJson('{"images": ['))).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
    });
  });

  const writeSplits = async (files: Readonly<Record<string, unknown>>): Promise<string> => {
    const folder = await temporaryFolder();
    for (const [name, content] of Object.entries(files))
      await writeText(join(folder, name), JSON.stringify(content));
    return folder;
  };
  const labelled = {
    images: [image],
    annotations: [{ image_id: 7, category_id: 18, bbox: [1, 2, 3, 4] }],
    categories: [category],
  };

  it('takes a test file for evaluation where there is no other one', async () => {
    const folder = await writeSplits({ 'train.json': labelled, 'test.json': labelled });
    expect((await coco.read(folder)).samples.map(({ split }) => split).sort()).toEqual(['eval', 'train']);
  });

  it('takes the images of a test file without any annotation as not labelled: its labels are secret', async () => {
    const secret = { ...labelled, annotations: [] };
    const folder = await writeSplits({ 'train.json': labelled, 'val.json': secret, 'test.json': secret });
    const { samples } = await coco.read(folder);
    expect(samples.filter(({ annotation }) => annotation === null).map(({ split }) => split)).toEqual([
      'test',
    ]);
  });

  it('asks which file is meant where names do not tell', async () => {
    const folder = await temporaryFolder();
    for (const name of ['a.json', 'b.json'])
      await writeText(join(folder, name), JSON.stringify({ images: [], annotations: [], categories: [] }));
    await expect(coco.read(folder)).rejects.toMatchObject({
      code: 'DATA_AMBIGUOUS',
      facts: { found: ['a.json', 'b.json'] },
      hint: 'name one of the files as the path',
    });
  });
});
