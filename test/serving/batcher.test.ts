import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Detection, DetectorInput } from '../../src/inference/engine.js';
import { Batcher } from '../../src/serving/batcher.js';

const image = (width: number, mark: number): DetectorInput => ({
  width,
  height: 1,
  pixels: new Uint8Array(width * 3).fill(mark),
});
const marked = (mark: number): Detection[] => [{ box: [0, 0, 1, 1], classIndex: mark, score: 1 }];
const { signal } = new AbortController();
afterEach(() => vi.useRealTimers());

/** A model that answers with the marks of its images when it is let. */
function model(limits: { maxBatch: number; timeoutMs: number }) {
  const batches: number[][] = [];
  const waiting: (() => void)[] = [];
  const batcher = new Batcher(async images => {
    batches.push(images.map(({ pixels }) => pixels[0]!));
    await new Promise<void>(resolve => waiting.push(resolve));
    return images.map(({ pixels }) => marked(pixels[0]!));
  }, limits);
  /** Lets batches end until as many have begun. */
  const untilBegun = async (count: number): Promise<void> => {
    while (batches.length < count || waiting.length > 0) {
      waiting.shift()?.();
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  return { batches, batcher, untilBegun };
}

describe('a batcher', () => {
  it('joins what has the size of the first in the queue, up to its limit; everybody gets their own answer', async () => {
    const { batches, batcher, untilBegun } = model({ maxBatch: 3, timeoutMs: 0 });
    const sizes = [2, 2, 5, 2, 5, 2, 7];
    const asked = Promise.all(sizes.map((size, mark) => batcher.add(image(size, mark), signal)));
    await untilBegun(4);
    expect(batches).toEqual([[0, 1, 3], [2, 4], [5], [6]]);
    expect(await asked).toEqual(sizes.map((_, mark) => marked(mark)));
    expect(batcher.length).toBe(0);
  });

  it('gathers while the model works, however short the wait is', async () => {
    const { batches, batcher, untilBegun } = model({ maxBatch: 8, timeoutMs: 0 });
    const first = batcher.add(image(2, 0), signal);
    await vi.waitUntil(() => batches.length === 1);
    const later = [1, 2, 3].map(mark => batcher.add(image(2, mark), signal));
    await untilBegun(2);
    await Promise.all([first, ...later]);
    expect(batches).toEqual([[0], [1, 2, 3]]);
  });

  it('waits for others at an idle model, but not behind another size', async () => {
    vi.useFakeTimers();
    const { batches, batcher } = model({ maxBatch: 8, timeoutMs: 60_000 });
    void batcher.add(image(2, 0), signal);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(batches).toEqual([]);
    void batcher.add(image(3, 1), signal);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[0]]);
  });

  it('forgets an image that nobody waits for, and goes on after a failure', async () => {
    const controller = new AbortController();
    const batcher = new Batcher(
      async images => {
        if (images[0]!.pixels[0] === 1) throw new Error('broken');
        return images.map(({ pixels }) => marked(pixels[0]!));
      },
      { maxBatch: 1, timeoutMs: 0 },
    );
    const asked = [0, 1, 2].map(mark => batcher.add(image(2, mark), mark === 0 ? controller.signal : signal));
    controller.abort(new Error('gone'));
    await expect(asked[0]).rejects.toThrow('gone');
    await expect(asked[1]).rejects.toThrow('broken');
    expect(await asked[2]).toEqual(marked(2));
  });
});
