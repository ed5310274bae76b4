import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SPLITS } from '../../../src/formats/dataset.js';
import { readDataset } from '../../../src/data/readers/index.js';
import { datasetReaderContract, type ReaderMember, type SceneImage } from '../../contracts/dataset-reader.js';
import { drawImage, temporaryFolder, writeText } from '../scene.js';

const NAMES = ['car', 'traffic light & sign'];
const lineOf = ({ width, height }: SceneImage, { label, box }: SceneImage['boxes'][number]): string => {
  const [ymin, xmin, ymax, xmax] = box;
  const shares = [
    (xmin + xmax) / 2 / width,
    (ymin + ymax) / 2 / height,
    (xmax - xmin) / width,
    (ymax - ymin) / height,
  ];
  return [NAMES.indexOf(label), ...shares.map(share => share.toFixed(6))].join(' ');
};

const withYaml: ReaderMember = {
  format: 'yolo',
  imageOf: (folder, name) => join(folder, 'images', `${name}.png`),
  async label(folder, scene, named) {
    for (const image of scene)
      await writeText(
        join(folder, 'labels', `${image.name}.txt`),
        image.boxes.map(box => `${lineOf(image, box)}\n`).join(''),
      );
    const names = `names:\n${NAMES.map((name, i) => `  ${i}: "${name}"\n`).join('')}`;
    if (!named) return writeText(join(folder, 'data.yaml'), `path: .\ntrain: images\n${names}`);
    for (const split of SPLITS) {
      const own = scene.filter(image => image.split === split);
      await writeText(join(folder, `${split}.txt`), own.map(({ name }) => `./images/${name}.png\n`).join(''));
    }
    const test = scene.some(image => image.split === 'test') ? 'test: test.txt\n' : '';
    await writeText(join(folder, 'data.yaml'), `path: .\ntrain: train.txt\nval: eval.txt\n${test}${names}`);
  },
};
datasetReaderContract('YOLO with data.yaml', withYaml);

const BOX = '0 0.5 0.5 0.25 0.5\n';
async function imageAt(file: string, orientation = 1): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await drawImage({ width: 40, height: 20 }).withMetadata({ orientation }).jpeg().toFile(file);
}

describe('the YOLO reader', () => {
  it('takes the folders of a data.yaml, wherever it sees them from', async () => {
    const folder = await temporaryFolder();
    for (const split of ['train', 'valid']) {
      await imageAt(join(folder, split, 'images/a.jpg'));
      await writeText(join(folder, split, 'labels/a.txt'), BOX);
    }
    // As an export leaves it: from one level above.
    await writeText(
      join(folder, 'data.yaml'),
      'train: ../train/images\nval: ../valid/images\nnc: 1\nnames: [oak]\n',
    );
    const { samples, classLists } = await readDataset(folder, 'auto');
    expect(classLists).toEqual([['oak']]);
    expect(samples.map(({ id, split, boxes }) => [id, split, boxes[0]!.box])).toEqual([
      ['train/a', 'train', [5, 15, 15, 25]],
      ['valid/a', 'eval', [5, 15, 15, 25]],
    ]);
  });

  it('takes names from classes.txt, labels from beside the images', async () => {
    const folder = await temporaryFolder();
    await imageAt(join(folder, 'a.jpg'));
    await writeText(join(folder, 'a.txt'), `1 0.5 0.5 0.25 0.5\n`);
    await writeText(join(folder, 'classes.txt'), 'oak\nelm\n');
    const { format, samples } = await readDataset(folder, 'auto');
    expect([format, samples[0]!.boxes[0]!.label]).toEqual(['yolo', 'elm']);
  });

  it('turns shares into pixels of the upright image, and outlines into boxes', async () => {
    const folder = await temporaryFolder();
    await imageAt(join(folder, 'a.jpg'), 6);
    await writeText(join(folder, 'a.txt'), `${BOX}0 0.1 0.2 0.5 0.3 0.4 0.9\n`);
    await writeText(join(folder, 'classes.txt'), 'oak\n');
    const [sample] = (await readDataset(folder, 'auto')).samples;
    expect(sample!.declared).toEqual({ width: 20, height: 40 });
    expect(sample!.boxes.map(({ box }) => box)).toEqual([
      [10, 7.5, 30, 12.5],
      [8, 2, 36, 10],
    ]);
  });

  it.each([
    ['0 0.5 0.5 0.25', 'line 1: "0 0.5 0.5 0.25" is not a class number and four relative coordinates'],
    [`${BOX}oak 0 0 1 1`, 'line 2: "oak 0 0 1 1" is not a class number and four relative coordinates'],
  ])('tells what is wrong with a label file: %j', async (text, problem) => {
    const folder = await temporaryFolder();
    await imageAt(join(folder, 'a.jpg'));
    await writeText(join(folder, 'a.txt'), text);
    await writeText(join(folder, 'classes.txt'), 'oak\n');
    expect((await readDataset(folder, 'yolo')).samples[0]!.problem).toBe(problem);
  });

  it('names a folder of data.yaml that is not there', async () => {
    const folder = await temporaryFolder();
    await writeText(join(folder, 'data.yaml'), 'train: images\nnames: [oak]\n');
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({
      code: 'DATA_UNREADABLE',
      message: expect.stringContaining('images: there is no such file or folder') as string,
    });
  });

  it('is not misled by a list of names beside other labels', async () => {
    const folder = await temporaryFolder();
    await imageAt(join(folder, 'a.jpg'));
    await writeText(join(folder, 'a.xml'), '<annotation/>');
    await writeText(join(folder, 'classes.txt'), 'oak\n');
    expect((await readDataset(folder, 'auto')).format).toBe('voc');
    await rm(join(folder, 'a.xml'));
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({ code: 'DATA_EMPTY' });
  });

  it('takes an image without a label file as background, unless its split has no label file at all', async () => {
    const folder = await temporaryFolder();
    for (const name of ['train/images/a', 'train/images/b', 'val/images/c', 'val/images/d'])
      await imageAt(join(folder, `${name}.jpg`));
    await writeText(join(folder, 'train/labels/a.txt'), BOX);
    await writeText(join(folder, 'data.yaml'), 'train: train/images\nval: val/images\nnames: [oak]\n');
    const backgrounds = async (): Promise<string[]> =>
      (await readDataset(folder, 'yolo')).samples.filter(one => one.isBackground).map(({ id }) => id);
    expect(await backgrounds()).toEqual(['train/b']);
    await writeText(join(folder, 'val/labels/c.txt'), '');
    expect(await backgrounds()).toEqual(['train/b', 'val/d']);
  });

  it.each([
    ['none', 'there is no such file or folder; it is left out'],
    ['val', 'is a folder of another split; it is left out'],
  ])('does without a test folder that is %s, and says so', async (name, reason) => {
    const folder = await temporaryFolder();
    for (const split of ['train', 'val']) {
      await imageAt(join(folder, split, 'a.jpg'));
      await writeText(join(folder, split, 'a.txt'), BOX);
    }
    await writeText(join(folder, 'data.yaml'), `train: train\nval: val\ntest: ${name}\nnames: [oak]\n`);
    const { samples, missing } = await readDataset(folder, 'auto');
    expect(samples.map(({ split }) => split)).toEqual(['train', 'eval']);
    expect(missing).toEqual([`${join(folder, 'data.yaml')}: test: ${name}: ${reason}`]);
  });

  it('keeps a test split where one folder trains and evaluates', async () => {
    const folder = await temporaryFolder();
    for (const split of ['all', 'test']) {
      await imageAt(join(folder, split, 'a.jpg'));
      await writeText(join(folder, split, 'a.txt'), BOX);
    }
    await writeText(join(folder, 'data.yaml'), 'train: all\nval: all\ntest: test\nnames: [oak]\n');
    const { samples } = await readDataset(folder, 'auto');
    expect(samples.map(({ id, split }) => [id, split])).toEqual([
      ['all/a', null],
      ['test/a', 'test'],
    ]);
  });
});
