import { cp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Data } from '../../src/config/run.js';
import { dataFingerprint } from '../../src/data/fingerprint.js';
import { readSettings } from '../../src/settings.js';
import { writeVocSet } from './cleaning/voc-set.js';
import { temporaryFolder } from './scene.js';

const fingerprint = (train: string, evaluation: string | null = null): Promise<string> =>
  dataFingerprint(Data.parse({ train, eval: evaluation }), readSettings({}).s3);

async function writeSet(): Promise<string> {
  const folder = await temporaryFolder();
  await writeVocSet(folder, { a: {}, b: {} });
  return folder;
}

describe('dataFingerprint', () => {
  it('stays when nothing changes, also in another place', async () => {
    const folder = await writeSet();
    const copy = await temporaryFolder();
    for (const name of await readdir(folder)) await utimes(join(folder, name), 1e9, 1e9);
    await cp(folder, copy, { recursive: true, preserveTimestamps: true });
    expect(await fingerprint(folder)).toBe(await fingerprint(folder));
    expect(await fingerprint(copy)).toBe(await fingerprint(folder));
  });

  it('changes with an image, a label, a file more or less, and the evaluation set', async () => {
    const folder = await writeSet();
    const seen = new Set([await fingerprint(folder), await fingerprint(folder, folder)]);
    await utimes(join(folder, 'a.png'), 1000, 1000);
    seen.add(await fingerprint(folder));
    await writeFile(join(folder, 'b.xml'), '<annotation/>');
    seen.add(await fingerprint(folder));
    await writeFile(join(folder, 'c.png'), '');
    seen.add(await fingerprint(folder));
    await rm(join(folder, 'b.png'));
    seen.add(await fingerprint(folder));
    expect(seen.size).toBe(6);
  });

  it('changes with the test set', async () => {
    const [train, test] = [await writeSet(), await writeSet()];
    const tested = (): Promise<string> => dataFingerprint(Data.parse({ train, test }), readSettings({}).s3);
    const before = await tested();
    expect(before).not.toBe(await fingerprint(train));
    await utimes(join(test, 'a.png'), 1000, 1000);
    expect(await tested()).not.toBe(before);
  });

  it('of a label file that stands alone covers the images that it names', async () => {
    const folder = await writeSet();
    const file = join(folder, 'labels.json');
    await writeFile(
      file,
      '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}',
    );
    const before = await fingerprint(file);
    await utimes(join(folder, 'b.png'), 1000, 1000);
    expect(await fingerprint(file)).toBe(before);
    await utimes(join(folder, 'a.png'), 1000, 1000);
    expect(await fingerprint(file)).not.toBe(before);
  });

  it('says that a path does not exist', async () => {
    await expect(fingerprint('/nowhere/at/all')).rejects.toMatchObject({ code: 'DATA_MISSING' });
  });
});
