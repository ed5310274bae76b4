import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mapConcurrently } from '../src/concurrency.js';

describe('mapConcurrently', () => {
  it('keeps the order and never runs more than the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrently(
      [30, 1, 20, 2, 10],
      async (wait, index) => {
        most = Math.max(most, ++running);
        await sleep(wait);
        running--;
        return index;
      },
      2,
    );
    expect(results).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });

  it('begins nothing after a failure and lets what runs end first', async () => {
    const ended: number[] = [];
    const work = async (item: number): Promise<void> => {
      if (item === 0) throw new Error('first');
      await sleep(20);
      ended.push(item);
    };
    await expect(mapConcurrently([0, 1, 2, 3], work, 2)).rejects.toThrow('first');
    expect(ended).toEqual([1]);
  });
});
