import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/model/weights/crc32c.js';
import { readTfCheckpoint } from '../../../src/model/weights/tf-checkpoint.js';
import type { Weights } from '../../../src/model/weights/weights.js';

// Written by TensorFlow 2.21: test/golden/weights/make.py.
const PREFIX = new URL('../../golden/weights/model.ckpt-1200', import.meta.url).pathname;
const SHARD = '.data-00000-of-00001';

const valuesOf = (weights: Weights, name: string): number[] => [...weights.get(name)!.values];

describe('a TensorFlow checkpoint', () => {
  let weights: Weights;
  beforeAll(async () => {
    weights = await readTfCheckpoint(PREFIX);
  });

  it('gives the stem of a second Keras model its plain name', () => {
    const kernel = weights.get('efficientnet-b0/stem/conv2d/kernel')!;
    expect(kernel.shape).toEqual([3, 3, 3, 2]);
    expect([...kernel.values]).toEqual(Array.from({ length: 54 }, (_, i) => i / 8));
    expect(valuesOf(weights, 'efficientnet-b0/stem/tpu_batch_normalization/gamma')).toEqual([1.5, -2]);
  });

  it('prefers the moving average of a variable', () => {
    expect(weights.get('fpn_cells/cell_0/fnode0/WSM')).toEqual({ shape: [], values: Float32Array.of(0.75) });
  });

  it('reads every float format', () => {
    expect(valuesOf(weights, 'class_net/class-predict/bias')).toEqual([0.5, 1, 1.5]);
    expect(valuesOf(weights, 'box_net/box-predict/bias')).toEqual([0.5, -3]);
    expect(valuesOf(weights, 'resample_p6/conv2d/bias')).toEqual([Math.fround(1e-3), 2]);
  });

  it('leaves step counters and optimiser slots out', () => {
    expect([...weights.keys()].filter(name => /global_step|Momentum|Average/.test(name))).toEqual([]);
    expect(weights.size).toBe(6);
  });
});

describe('a damaged checkpoint', () => {
  let folder: string;
  let prefix: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'detdistill-checkpoint-'));
    prefix = join(folder, 'model.ckpt-1200');
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** The reason that reading gives after one file was changed. */
  async function reasonAfter(suffix: string, change: (bytes: Buffer) => Buffer): Promise<string> {
    for (const each of ['.index', SHARD]) await copyFile(PREFIX + each, prefix + each);
    await writeFile(prefix + suffix, change(await readFile(PREFIX + suffix)));
    const error = await readTfCheckpoint(prefix).then(
      () => null,
      (reason: unknown) => reason as { code: string; message: string },
    );
    expect(error?.code).toBe('CHECKPOINT_UNREADABLE');
    expect(error?.message).toContain(prefix + suffix);
    return error!.message;
  }
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at]! ^= 1;
    return bytes;
  };

  it('is told by one wrong bit in a tensor, with the tensor named', async () => {
    expect(await reasonAfter(SHARD, flip(20))).toMatch(/is damaged: \S+ does not match its checksum/);
  });
  it('is told by one wrong bit in the index', async () => {
    expect(await reasonAfter('.index', flip(3))).toContain('does not match its checksum');
  });
  it('is told by data that end too early', async () => {
    expect(await reasonAfter(SHARD, bytes => bytes.subarray(0, 100))).toMatch(
      /cut off before byte \d+, where \S+ ends/,
    );
  });
  it('is told by an index that is cut off or is none', async () => {
    expect(await reasonAfter('.index', bytes => bytes.subarray(0, 300))).toContain('cut off');
    expect(await reasonAfter('.index', () => Buffer.from('hello'))).toContain('not a checkpoint index');
  });
  it('is told by a missing file', async () => {
    await expect(readTfCheckpoint(join(folder, 'none'))).rejects.toThrow('none.index');
  });
});

// RFC 3720, appendix B.4.
describe('crc32c', () => {
  it('equals the published test vectors', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });
});
