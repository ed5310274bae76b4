import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrainingBatch } from '../../src/data/batches.js';
import { randomFrom } from '../../src/random.js';
import { TeacherCache } from '../../src/training/teacher-cache.js';
import type { TeacherOutputs } from '../../src/training/teacher-outputs.js';

const openCache = (folder: string, numClasses = 3): Promise<TeacherCache> =>
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
    cache = await openCache(folder);
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
    const reopened = await openCache(folder);
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
    expect(await (await openCache(folder, 4)).read(of)).toBeNull();
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

/** Images of one pixel, which holds the number in their name and the view. */
const batchOf = (
  sampleIds: readonly string[],
  view = 0,
  views = sampleIds.map(() => view),
): TrainingBatch => ({
  step: 0,
  views,
  images: Float32Array.from(sampleIds.flatMap((id, i) => [Number(id), views[i]!, 0])),
  classTargets: new Int32Array(),
  boxTargets: new Float32Array(),
  numPositives: new Float32Array(),
  sampleIds,
});

/** The logits of the teacher of these tests for such an image. */
const outputFor = (image: number, view: number): number[] => [100 * view + image, -image];

const logitsOf = (sampleIds: readonly string[], view = 0): number[] =>
  sampleIds.flatMap(id => outputFor(Number(id), view));

describe('a cached teacher', () => {
  let folder = '';
  /** The images that it was run for, one list a call. */
  const inferred: number[][] = [];
  const notes: string[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cached-teacher-'));
    inferred.length = notes.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const infer = (images: Float32Array): Promise<TeacherOutputs> => {
    const each = Array.from({ length: images.length / 3 }, (_, i) => images.subarray(3 * i, 3 * i + 3));
    inferred.push(each.map(([number]) => number!));
    return Promise.resolve({
      anchors: Int32Array.from(each.flatMap(([number]) => [number!, number! + 1])),
      logits: Float32Array.from(each.flatMap(([number, view]) => outputFor(number!, view!))),
      deltas: Float32Array.from(each.flatMap(([number]) => Array<number>(8).fill(number!))),
    });
  };
  const open = (outputs = join(folder, 'outputs')): Promise<TeacherCache> =>
    TeacherCache.open({
      ...{ folder: outputs, kept: 2, numClasses: 1 },
      infer,
      onNote: note => notes.push(note),
    });

  it('runs for the images that are not cached, and returns outputs in the order of the batch', async () => {
    const teacher = await open();
    const first = await teacher.outputsFor(batchOf(['3', '1']));
    expect(first).toEqual({
      anchors: Int32Array.of(3, 4, 1, 2),
      logits: Float32Array.from(logitsOf(['3', '1'])),
      deltas: Float32Array.from([...Array<number>(8).fill(3), ...Array<number>(8).fill(1)]),
    });
    const mixed = await (await open()).outputsFor(batchOf(['1', '5', '3', '2']));
    expect([...mixed.logits]).toEqual(logitsOf(['1', '5', '3', '2']));
    expect([...mixed.anchors]).toEqual([1, 2, 5, 6, 3, 4, 2, 3]);
    expect(inferred).toEqual([
      [3, 1],
      [5, 2],
    ]);
    expect(teacher.inference).toMatchObject({ steps: 1 });
  });

  it('runs for every view', async () => {
    const teacher = await open();
    for (const view of [0, 1, 0, 1])
      expect([...(await teacher.outputsFor(batchOf(['1', '2'], view))).logits]).toEqual(
        logitsOf(['1', '2'], view),
      );
    expect(inferred).toHaveLength(2);
  });

  it('runs once for each view of an image that fills a batch by repetition', async () => {
    const teacher = await open();
    const { logits } = await teacher.outputsFor(batchOf(['4', '6', '4', '4'], 0, [0, 0, 1, 0]));
    const expected = [...logitsOf(['4', '6']), ...logitsOf(['4'], 1), ...logitsOf(['4'])];
    expect([...logits]).toEqual(expected);
    expect(inferred).toEqual([[4, 6, 4]]);
    const again = await teacher.outputsFor(batchOf(['4', '4'], 0, [1, 0]));
    expect([...again.logits]).toEqual([...logitsOf(['4'], 1), ...logitsOf(['4'])]);
    expect(inferred).toHaveLength(1);
  });

  it('goes on where its outputs cannot be cached, and says so once', async () => {
    await writeFile(join(folder, 'file'), '');
    const teacher = await open(join(folder, 'file'));
    for (let time = 0; time < 2; time++)
      expect([...(await teacher.outputsFor(batchOf(['1', '2']))).logits]).toEqual(logitsOf(['1', '2']));
    expect(inferred).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(notes).toEqual([
      expect.stringMatching(/^warning: outputs of the teacher are no longer cached: ./),
    ]);
  });
});
