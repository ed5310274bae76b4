import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAtomically, fillFolder, writeFileAtomically } from '../../src/files/atomic.js';
import { subfolder } from '../../src/files/temporary-folder.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'detdistill-atomic-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeFileAtomically', () => {
  it('makes the folders above and replaces what is there, a link too', async () => {
    const path = join(folder, 'a', 'b');
    await writeFileAtomically(path, 'first');
    await writeFileAtomically(path, Buffer.from('second'));
    expect(await readFile(path, 'utf8')).toBe('second');
    await symlink(path, join(folder, 'link'));
    await writeFileAtomically(join(folder, 'link'), 'third');
    expect(await readFile(path, 'utf8')).toBe('second');
    expect(await readdir(folder)).toEqual(['a', 'link']);
  });

  it('leaves the earlier file and nothing else when the writer fails halfway', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'whole');
    const write = async (partial: string): Promise<void> => {
      await writeFile(partial, 'hal');
      throw new Error('enough');
    };
    await expect(writeFileAtomically(path, write)).rejects.toThrow('enough');
    expect(await readFile(path, 'utf8')).toBe('whole');
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe('fillFolder', () => {
  it('shows the folder when it is whole, in place of an empty one, and gives what the filler gave', async () => {
    const path = join(folder, 'new', 'out');
    await mkdir(path, { recursive: true });
    const result = await fillFolder(path, async partial => {
      await writeFile(join(partial, 'f'), 'x');
      expect(await readdir(path)).toEqual([]);
      return 7;
    });
    expect(result).toBe(7);
    expect(await readdir(path)).toEqual(['f']);
    expect(await readdir(join(folder, 'new'))).toEqual(['out']);
    const usual = await subfolder(folder, 'usual');
    expect((await stat(path)).mode).toBe((await stat(usual)).mode);
  });

  it('leaves nothing when the filler fails', async () => {
    await expect(
      fillFolder(join(folder, 'out'), () => Promise.reject(new Error('enough'))),
    ).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a file and a folder that is not empty', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const [path, why] of [
      [join(folder, 'file'), 'is a file'],
      [folder, 'holds 1 entries already'],
    ] as const)
      await expect(fillFolder(path, () => Promise.resolve())).rejects.toMatchObject({
        code: 'OUTPUT_UNUSABLE',
        message: expect.stringContaining(why) as string,
      });
  });
});

describe('createAtomically', () => {
  const create = (path: string, content: string): Promise<void> =>
    createAtomically(path, {
      isThere: () => existsSync(path),
      make: async temporary => {
        await writeFile(join(temporary, 'made'), content);
        return join(temporary, 'made');
      },
    });

  it('lets one of several callers make it, and removes what a killed process left', async () => {
    const path = join(folder, 'shared');
    await mkdir(`${path}.partial-killed`);
    await Promise.all(['a', 'b', 'c'].map(content => create(path, content)));
    expect(['a', 'b', 'c']).toContain(await readFile(path, 'utf8'));
    await create(path, 'later');
    expect(await readFile(path, 'utf8')).not.toBe('later');
    expect(await readdir(folder)).toEqual(['shared']);
  });

  it('replaces what is there but not whole', async () => {
    const path = join(folder, 'shared');
    await mkdir(join(path, 'half'), { recursive: true });
    await createAtomically(path, { isThere: () => false, make: temporary => subfolder(temporary, 'whole') });
    expect(await readdir(path)).toEqual([]);
  });
});
