import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertUsable, replaceOutput } from '../../src/stages/output-folder.js';

let parent: string;
let target: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'detdistill-output-'));
  target = join(parent, 'out');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const publish = (files: Readonly<Record<string, string>>, isChosen = true): Promise<void> =>
  replaceOutput(
    { target, isChosen },
    {
      run: 'trees',
      fill: async folder => {
        for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
      },
    },
  );

describe('the output folder of a run', () => {
  it('appears whole, with a note of whose it is', async () => {
    await publish({ 'a.txt': '1', 'b.txt': '2' });
    expect((await readdir(target)).sort()).toEqual(['a.txt', 'b.txt', 'run.json']);
    expect(JSON.parse(await readFile(join(target, 'run.json'), 'utf8'))).toMatchObject({
      run: 'trees',
      entries: ['a.txt', 'b.txt'],
    });
    expect(await readdir(parent)).toEqual(['out']);
  });

  it('takes the place of an earlier one, and keeps what people added', async () => {
    await publish({ 'a.txt': '1', 'b.txt': '2' });
    await writeFile(join(target, 'notes.md'), 'mine');
    await publish({ 'a.txt': '3' });
    expect((await readdir(target)).sort()).toEqual(['a.txt', 'notes.md', 'run.json']);
    expect(await readFile(join(target, 'a.txt'), 'utf8')).toBe('3');
  });

  it('stays as it was when filling fails', async () => {
    await publish({ 'a.txt': '1' });
    const failing = replaceOutput(
      { target, isChosen: true },
      { run: 'trees', fill: () => Promise.reject(new Error('disk')) },
    );
    await expect(failing).rejects.toThrow('disk');
    expect((await readdir(target)).sort()).toEqual(['a.txt', 'run.json']);
    expect(await readdir(parent)).toEqual(['out']);
  });

  it('is never somebody else’s folder', async () => {
    await mkdir(target);
    await writeFile(join(target, 'letter.txt'), 'Dear');
    await expect(publish({ 'a.txt': '1' })).rejects.toMatchObject({
      code: 'OUTPUT_UNUSABLE',
      message: `${target}: holds letter.txt, which no run put there`,
    });
    expect(await readdir(target)).toEqual(['letter.txt']);
  });

  it('may be an empty folder, or the one of ours that an older version left', async () => {
    await mkdir(target);
    await publish({ 'a.txt': '1' });
    await rm(join(target, 'run.json'));
    await publish({ 'b.txt': '2' }, false);
    expect((await readdir(target)).sort()).toEqual(['b.txt', 'run.json']);
  });

  it.each([
    ['https://bucket/out', 'is no absolute path of a folder, and no address of a bucket'],
    ['out', 'is no absolute path of a folder, and no address of a bucket'],
    [import.meta.filename, 'is a file'],
    [join(import.meta.filename, 'out'), 'is a file'],
  ])('is not %s', async (path, problem) => {
    await expect(assertUsable({ target: path, isChosen: true })).rejects.toMatchObject({
      message: `${path}: ${problem}`,
    });
  });
});
