import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseVoc, writeVoc } from '../../../src/formats/voc-xml.js';
import { voc } from '../../../src/data/readers/voc.js';
import { datasetReaderContract, type ReaderMember } from '../../contracts/dataset-reader.js';
import { temporaryFolder, writeText } from '../scene.js';

const member = (images: string, labels: string): ReaderMember => ({
  format: 'voc',
  imageOf: (folder, name) => join(folder, images, `${name}.png`),
  async label(folder, scene, named) {
    for (const { name, width, height, boxes } of scene) {
      const full = boxes.map(box => ({ ...box, crowd: false, difficult: false }));
      const xml = writeVoc({ filename: `${name}.png`, width, height, boxes: full });
      await writeText(join(folder, labels, `${name}.xml`), xml);
    }
    if (!named) return;
    const list = (split: string): string =>
      scene
        .filter(image => image.split === split)
        .map(({ name }) => `${name}\n`)
        .join('');
    await writeText(join(folder, 'ImageSets/Main/train.txt'), list('train'));
    await writeText(join(folder, 'ImageSets/Main/val.txt'), list('eval'));
    if (list('test') !== '') await writeText(join(folder, 'ImageSets/Main/test.txt'), list('test'));
  },
});

datasetReaderContract('Pascal VOC, side by side', member('', ''));
datasetReaderContract('Pascal VOC, its own folders', member('JPEGImages', 'Annotations'));
datasetReaderContract('Pascal VOC, images and annotations', member('images', 'annotations'));

const label = (name: string): string =>
  `<annotation><object><name>${name}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>`;

/** Files by path; images are never opened by a reader, so they hold nothing. */
async function writeFiles(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) await writeText(join(folder, path), text);
  return folder;
}

const labelsOf = async (folder: string): Promise<Record<string, string[] | null>> =>
  Object.fromEntries(
    (await voc.read(folder)).samples.map(({ id, annotation, boxes }) => [
      id,
      annotation === null ? null : boxes.map(box => box.label),
    ]),
  );

describe('the Pascal VOC reader', () => {
  it('pairs files of the same name by their folders', async () => {
    const folder = await writeFiles({
      'day/images/1.jpg': '',
      'day/annotations/1.xml': label('day'),
      'night/images/1.jpg': '',
      'night/annotations/1.xml': label('night'),
    });
    expect(await labelsOf(folder)).toEqual({ 'day/1': ['day'], 'night/1': ['night'] });
  });

  it('pairs files of the same name in folders of any name', async () => {
    const folder = await writeFiles({ 'photos/1.jpg': '', 'boxes/1.xml': label('a') });
    expect(await labelsOf(folder)).toEqual({ 'photos/1': ['a'] });
  });

  it('guesses no pair where two files have the name', async () => {
    const folder = await writeFiles({ 'photos/1.jpg': '', 'a/1.xml': label('a'), 'b/1.xml': label('b') });
    expect((await labelsOf(folder))['photos/1']).toBeNull();
  });

  it('takes no masks for images where a folder is meant for images', async () => {
    const folder = await writeFiles({
      'JPEGImages/1.jpg': '',
      'SegmentationClass/1.png': '',
      'Annotations/1.xml': label('a'),
    });
    expect(await labelsOf(folder)).toEqual({ 1: ['a'] });
  });

  it('tells two images of one name apart by their extension', async () => {
    const folder = await writeFiles({ '1.jpg': '', '1.png': '', '1.xml': label('a') });
    expect(Object.keys(await labelsOf(folder))).toEqual(['1.jpg', '1.png']);
  });

  it('follows links and passes over hidden files', async () => {
    const source = await writeFiles({ '1.jpg': '', '1.xml': label('a') });
    const folder = await writeFiles({ '._2.jpg': '', '.idea/3.xml': label('b') });
    await symlink(source, join(folder, 'linked'));
    expect(await labelsOf(folder)).toEqual({ 'linked/1': ['a'] });
  });

  it('gives an image without a label file as unlabelled, and XML of other kinds not at all', async () => {
    const folder = await writeFiles({
      '1.jpg': '',
      '2.jpg': '',
      '2.xml': label('a'),
      'pom.xml': '<project/>',
    });
    expect(await labelsOf(folder)).toEqual({ 1: null, 2: ['a'] });
  });

  it('keeps what is wrong with a label file', async () => {
    const folder = await writeFiles({
      '1.jpg': '',
      '1.xml': '<annotation><object>',
      '2.jpg': '',
      '2.xml': '<a/>',
    });
    expect((await voc.read(folder)).samples.map(({ problem }) => problem)).toEqual([
      expect.stringContaining('Invalid'),
      'no <annotation> element',
    ]);
  });

  it('gives a name that a split list has and no file as an image that is missing', async () => {
    const folder = await writeFiles({
      'JPEGImages/1.jpg': '',
      'Annotations/1.xml': label('a'),
      'ImageSets/Main/train.txt': '1 1\r\n9 -1\r\n\n',
      'ImageSets/Main/test.txt': '1\n',
    });
    expect((await voc.read(folder)).samples.map(({ id, split, image }) => [id, split, image])).toEqual([
      ['1', 'train', join(folder, 'JPEGImages/1.jpg')],
      ['1', 'eval', join(folder, 'JPEGImages/1.jpg')],
      ['9', 'train', join(folder, 'JPEGImages/9.jpg')],
    ]);
  });
});

describe('parseVoc', () => {
  it('reads what writeVoc writes', () => {
    const boxes = [
      { box: [1, 2, 3.5, 4], label: 'a < b & c', crowd: false, difficult: true },
      { box: [0, 0, 9, 9], label: '7', crowd: false, difficult: false },
    ] as const;
    const image = { filename: 'a&b.png', width: 10, height: 20 };
    expect(parseVoc(writeVoc({ ...image, boxes }))).toEqual({
      filename: 'a&b.png',
      boxes,
      declared: { width: 10, height: 20 },
    });
  });

  it('gives NaN for a corner and "" for a name that is missing', () => {
    const { boxes, declared } = parseVoc(
      '<annotation><size><width>0</width></size><object><bndbox><xmin>1</xmin><ymin/><xmax>x</xmax></bndbox></object></annotation>',
    );
    expect(boxes).toEqual([{ box: [NaN, 1, NaN, NaN], label: '', crowd: false, difficult: false }]);
    expect(declared).toBeNull();
  });
});
