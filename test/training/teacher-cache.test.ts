import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom } from '../../src/random.js';
import { TeacherCache } from '../../src/training/teacher-cache.js';
import type { TeacherOutputs } from '../../src/training/teacher-outputs.js';

const open = (folder: string, numClasses = 3): Promise<TeacherCache> =>
  TeacherCache.open({
    ...{ folder, kept: 7, numClasses },
    infer: () => Promise.reject(new Error('not called')),
    onNote: () => undefined,
  });

const outputsOf = (seed: number): TeacherOutputs => {
  const random = randomFrom('outputs', seed);
  const floats = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.next());
  return {
    anchors: Int32Array.from({ length: 7 }, () => random.integer(49_104)),
    logits: floats(21),
    deltas: floats(28),
  };
};

describe('the cache of a teacher’s outputs', () => {
  let folder = '';
  let cache: TeacherCache;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'outputs-')), 'outputs');
    cache = await open(folder);
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

  const fileOf = async (view: number): Promise<string> => {
    const [name] = await readdir(join(folder, String(view)));
    return join(folder, String(view), name!);
  };

  it('returns what was written, bit for bit, for the same image and view only', async () => {
    const [first, second] = [outputsOf(1), outputsOf(2)];
    first.logits.set([-0, Infinity, 1e-45]);
    await cache.write({ sampleId: 'a/b', view: 0 }, first);
    await cache.write({ sampleId: 'a/b', view: 1 }, second);
    expect(await cache.read({ sampleId: 'a/b', view: 0 })).toEqual(first);
    const reopened = await open(folder);
    expect(await reopened.read({ sampleId: 'a/b', view: 1 })).toEqual(second);
    expect(await cache.read({ sampleId: 'a/c', view: 0 })).toBeNull();
    expect(await cache.read({ sampleId: 'a/b', view: 2 })).toBeNull();
  });

  it('finds nothing in a file that is torn or damaged, or of another shape', async () => {
    const of = { sampleId: 'a', view: 0 };
    await cache.write(of, outputsOf(1));
    const file = await fileOf(0);
    const whole = await readFile(file);
    for (const at of [0, 31, 32, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      await writeFile(file, damaged);
      expect(await cache.read(of), `byte ${at}`).toBeNull();
    }
    await writeFile(file, whole);
    expect(await (await open(folder, 4)).read(of)).toBeNull();
    // A size that was written before its content was.
    for (const size of [0, 20, whole.length - 4]) {
      await truncate(file, size);
      expect(await cache.read(of), `${size} bytes`).toBeNull();
      await truncate(file, whole.length);
      expect(await cache.read(of), `${size} bytes, then zeros`).toBeNull();
    }
    await cache.write(of, outputsOf(1));
    expect(await cache.read(of)).toEqual(outputsOf(1));
  });

  it('leaves no other files when many write the same outputs', async () => {
    const of = { sampleId: 'a', view: 0 };
    await Promise.all(Array.from({ length: 8 }, () => cache.write(of, outputsOf(3))));
    expect(await readdir(join(folder, '0'))).toHaveLength(1);
    expect(await cache.read(of)).toEqual(outputsOf(3));
  });
});
