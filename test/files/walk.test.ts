import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exists, filesBelow, isFile, listFiles, statOf } from '../../src/files/walk.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'detdistill-walk-'));
  await mkdir(join(folder, 'b', '.git'), { recursive: true });
  await mkdir(join(folder, 'elsewhere'));
  for (const file of ['a', 'b/c', 'b/.git/head', 'b/.hidden', 'elsewhere/d'])
    await writeFile(join(folder, file), file);
  await symlink(join(folder, 'elsewhere'), join(folder, 'b', 'link'));
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const names = (paths: readonly string[]): string[] => paths.map(path => relative(folder, path));

it('lists everything that is not a folder, links as they are', async () => {
  const expected = ['a', 'b/.git/head', 'b/.hidden', 'b/c', 'b/link', 'dangling', 'elsewhere/d'];
  expect(names(await filesBelow(folder))).toEqual(expected);
});

it('lists data files: through links, without hidden ones', async () => {
  expect(names(await listFiles(folder))).toEqual(['a', 'b/c', 'b/link/d', 'elsewhere/d']);
});

it('tells what is there', async () => {
  expect(await exists(join(folder, 'b'))).toBe(true);
  expect(await isFile(join(folder, 'b'))).toBe(false);
  expect(await isFile(join(folder, 'a'))).toBe(true);
  expect(await exists(join(folder, 'dangling'))).toBe(false);
  expect(await statOf(join(folder, 'a', 'below a file'))).toBeNull();
});
