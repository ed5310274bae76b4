import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../src/data/readers/index.js';
import { temporaryFolder } from '../scene.js';

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe('readDataset', () => {
  it('says that a path does not exist', async () => {
    const path = join(await temporaryFolder(), 'nothing');
    await expect(readDataset(path, 'auto')).rejects.toMatchObject({
      code: 'DATA_MISSING',
      message: `${path}: file or folder not found`,
    });
  });

  it('says what lies in a folder without a data set, and what is needed', async () => {
    const folder = await folderOf({ 'a.jpg': '', 'b.jpg': '', 'notes.txt': '', LICENSE: '' });
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({
      code: 'DATA_EMPTY',
      message: `${folder}: no data set in a known format; found 2 .jpg, 1 .txt, 1 files without extension`,
      hint: expect.stringMatching(
        /^required: a \.json file.*; or a folder of images and one \.xml/,
      ) as string,
    });
    await expect(readDataset(await folderOf({}), 'auto')).rejects.toMatchObject({
      message: expect.stringContaining('found no files') as string,
    });
  });

  it('says which formats fit when more than one does', async () => {
    const json = '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}';
    const folder = await folderOf({ 'a.jpg': '', 'a.xml': '<annotation/>', 'labels.json': json });
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({
      code: 'DATA_AMBIGUOUS',
      message: `${folder}: matches more than one format: coco, voc`,
      hint: 'set data.format to one of them',
    });
    expect((await readDataset(folder, 'coco')).format).toBe('coco');
    expect((await readDataset(folder, 'voc')).format).toBe('voc');
  });

  it('does not take JSON of other kinds for COCO', async () => {
    const folder = await folderOf({ 'results.json': '[{"image_id": 1}]', 'labelme.json': '{"shapes": []}' });
    await expect(readDataset(folder, 'auto')).rejects.toMatchObject({ code: 'DATA_EMPTY' });
  });

  it('says that the named format holds no sample', async () => {
    const file = join(
      await folderOf({ 'a.json': '{"images": [], "annotations": [], "categories": []}' }),
      'a.json',
    );
    await expect(readDataset(file, 'coco')).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    await expect(readDataset(file, 'voc')).rejects.toMatchObject({ code: 'DATA_EMPTY' });
  });
});
