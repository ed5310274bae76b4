import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPytorchState } from '../../../src/model/weights/pytorch.js';
import type { Weights } from '../../../src/model/weights/weights.js';

// Laid out as torch.save does, by Python's own pickle: test/golden/weights/make.py.
const golden = (name: string): string => new URL(`../../golden/weights/${name}`, import.meta.url).pathname;

const plain = (weights: Weights): Record<string, unknown> =>
  Object.fromEntries([...weights].map(([name, { shape, values }]) => [name, { shape, values: [...values] }]));

describe.each(['archive.pth', 'stream.pth'])('the state file %s', name => {
  it('gives its float tensors: contiguous, transposed, shifted, of half precision', async () => {
    expect(plain(await readPytorchState(golden(name)))).toEqual({
      plain: { shape: [2, 3], values: [0, 1, 2, 3, 4, 5] },
      transposed: { shape: [3, 2], values: [0, 3, 1, 4, 2, 5] },
      shifted: { shape: [2, 3], values: [6, 7, 8, 9, 10, 11] },
      half: { shape: [3], values: [0.5, -2, 65504] },
    });
  });
});

describe('a file that is no state file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'detdistill-state-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const written = async (name: string, bytes: Buffer): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };

  it('is refused when it names anything to call, and nothing is called', async () => {
    await expect(readPytorchState(golden('program.pth'))).rejects.toMatchObject({
      code: 'WEIGHTS_REFUSED',
      message: expect.stringMatching(/program\.pth: refers to (posix|os|nt)\.system;/) as unknown,
    });
  });
  it('is refused when it is something else', async () => {
    const file = await written('text.pth', Buffer.from('hello'));
    await expect(readPytorchState(file)).rejects.toMatchObject({ code: 'WEIGHTS_UNKNOWN_FORMAT' });
  });
  it.each(['archive.pth', 'stream.pth'])('is named when it is cut off anywhere: %s', async name => {
    const bytes = await readFile(golden(name));
    for (let length = 60; length < bytes.length; length += 97) {
      const file = await written(name, bytes.subarray(0, length));
      await expect(readPytorchState(file), `after ${length} bytes`).rejects.toMatchObject({
        code: 'CHECKPOINT_UNREADABLE',
        message: expect.stringContaining(file) as unknown,
      });
    }
  });
  it('is named when it is missing', async () => {
    await expect(readPytorchState(join(folder, 'none.pth'))).rejects.toThrow('none.pth');
  });
});
