import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { linkAddon, provideAddon } from '../../src/native/addon.js';
import { ADDON, addonLink } from '../../src/native/addon-files.js';
import { nativePaths, provideNativeParts } from '../../src/native/setup.js';
import { readSettings } from '../../src/settings.js';

const settings = readSettings();
const PARTS = ['libtensorflow', 'tfjs-addon', 'temporal'] as const;

let folder: string;
beforeAll(() => provideNativeParts({ settings, parts: PARTS }));
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'detdistill-addon-'))));
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('the addon', () => {
  it('adds two tensors', async () => {
    const tf = await loadTensorFlow();
    expect(tf.getBackend()).toBe('tensorflow');
    expect([...(await tf.add(tf.tensor1d([1, 2]), tf.tensor1d([3, 5])).data())]).toEqual([4, 7]);
  });

  it('writes only its notice of oneDNN to stderr, while it loads', async () => {
    const module = pathToFileURL(join(import.meta.dirname, '../../src/graph/tensorflow.ts')).href;
    const program = `
      import { loadTensorFlow } from '${module}';
      const tf = await loadTensorFlow();
      tf.matMul(tf.ones([8, 8]), tf.ones([8, 8])).dataSync();
      process.stderr.write('still here');`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', program];
    const lines = spawnSync(process.execPath, args).stderr.toString().split('\n');
    expect(lines.pop()).toBe('still here');
    expect(
      lines.filter(line => !/^WARNING: All log messages before absl::|oneDNN custom/.test(line)),
    ).toEqual([]);
  });

  it('is found again without a compiler, a download or another process', async () => {
    vi.stubEnv('PATH', '');
    const download = vi.fn();
    const paths = await provideNativeParts({ settings, parts: PARTS, download });
    expect(paths).toMatchObject(
      Object.fromEntries(PARTS.map(part => [part, nativePaths(settings)[part]])) as typeof paths,
    );
    expect(download).not.toHaveBeenCalled();
  });

  it('is the same one for a home whose cache is a link to this one', async () => {
    await symlink(settings.cacheFolder, join(folder, 'cache'));
    vi.stubEnv('PATH', '');
    const linked = { ...settings, home: folder, cacheFolder: join(folder, 'cache') };
    const before = await readlink(addonLink());
    await provideNativeParts({ settings: linked, parts: ['tfjs-addon'] });
    expect(await readlink(addonLink())).toBe(before);
  });

  it('names the compiler that is missing and how to get one', async () => {
    vi.stubEnv('PATH', '');
    const library = nativePaths(settings).libtensorflow!;
    await expect(provideAddon({ cacheFolder: folder, library })).rejects.toMatchObject({
      code: 'NATIVE_TOOL_MISSING',
      message: 'the tfjs addon needs a C++ compiler (g++, c++, clang++), which is not on PATH',
      retryable: false,
      hint: expect.stringContaining('apt-get install g++') as string,
    });
  });
});

describe('linkAddon', () => {
  let addon: string;
  let link: string;
  beforeEach(async () => {
    [addon, link] = [join(folder, 'cache'), join(folder, 'package', 'lib', ADDON)];
    await mkdir(addon);
    await writeFile(join(addon, ADDON), 'the addon');
  });

  it('makes the link and its folder', async () => {
    await linkAddon(addon, link);
    expect(await readlink(link)).toBe(join(addon, ADDON));
  });

  it.each(['/nowhere/tfjs_binding.node', '/bin/sh'])('replaces a link to %s', async target => {
    await mkdir(join(folder, 'package', 'lib'), { recursive: true });
    await symlink(target, link);
    await linkAddon(addon, link);
    expect(await readFile(link, 'utf8')).toBe('the addon');
  });

  it('leaves an equal copy alone', async () => {
    await mkdir(join(folder, 'package', 'lib'), { recursive: true });
    await writeFile(link, 'the addon');
    await linkAddon(addon, link);
    await expect(readlink(link)).rejects.toThrow('EINVAL'); // still a file
  });

  it('names the place that cannot be written', async () => {
    await writeFile(join(folder, 'package'), 'a file where a folder must be');
    await expect(linkAddon(addon, link)).rejects.toMatchObject({ code: 'NATIVE_LINK_REFUSED' });
    expect(existsSync(link)).toBe(false);
  });
});
