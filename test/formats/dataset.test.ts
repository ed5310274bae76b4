import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CleanedDataset, readCleanedDataset, writeCleanedDataset } from '../../src/formats/dataset.js';
import { temporaryFolder } from '../data/scene.js';

const dataset: CleanedDataset = {
  classes: ['cat'],
  splits: {
    train: [
      {
        imageId: 1,
        id: 'a',
        image: 'images/train/a.png',
        original: '/a.png',
        width: 30,
        height: 20,
        boxes: [{ box: [1.5, 2, 10, 20], classIndex: 0, crowd: false, difficult: false, area: 153 }],
      },
    ],
    eval: [],
    test: [],
  },
};

describe('a cleaned data set', () => {
  it('is read as it was written', async () => {
    const folder = await temporaryFolder();
    await writeCleanedDataset(folder, dataset);
    expect(await readCleanedDataset(folder)).toEqual(dataset);
  });

  it('that is missing or damaged is an error with the file', async () => {
    const folder = await temporaryFolder();
    const error = {
      code: 'DATA_UNREADABLE',
      message: expect.stringContaining(`${join(folder, 'dataset.json')}: `) as string,
    };
    await expect(readCleanedDataset(folder)).rejects.toMatchObject(error);
    await writeFile(join(folder, 'dataset.json'), '{"classes":["cat"]}');
    await expect(readCleanedDataset(folder)).rejects.toMatchObject(error);
  });
});
