import { mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactStore, createArtifactStore } from '../../src/store/artifact-store.js';
import {
  commitCheckpoint,
  newestCheckpoint,
  pruneCheckpoints,
  removeCheckpoints,
  removeCheckpointsAfter,
} from '../../src/store/checkpoints.js';
import type { StoreDriver } from '../../src/store/driver.js';
import { localFolder } from '../../src/store/local-folder.js';

const home = mkdtempSync(join(tmpdir(), 'detdistill-checkpoints-'));
afterAll(() => rm(home, { recursive: true, force: true }));

describe('checkpoints', () => {
  let driver: StoreDriver;
  let store: ArtifactStore;
  let count = 0;
  beforeEach(() => {
    driver = localFolder(pathToFileURL(join(home, `store-${++count}`)).href);
    store = createArtifactStore(driver, join(home, 'cache'));
  });

  async function commit(step: number, { content = `weights ${step}`, keep = 10 } = {}): Promise<void> {
    const folder = join(home, 'source');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'weights'), content);
    await commitCheckpoint(store, 'stage', { step, folder, keep });
  }
  const stepsLeft = async (): Promise<number[]> =>
    (await store.list('checkpoints/stage')).map(key => Number(key.slice(-9)));
  const objectOf = async (step: number): Promise<string> =>
    (await driver.list(`checkpoints/stage/step-${String(step).padStart(9, '0')}`))[0]!.key;

  it('takes the newest by number', async () => {
    for (const step of [99, 1_000_000_000, 100, 5]) await commit(step);
    const { checkpoint, skipped } = await newestCheckpoint(store, 'stage');
    expect(checkpoint?.step).toBe(1_000_000_000);
    expect(skipped).toEqual([]);
    expect(await readFile(join(checkpoint!.folder, 'weights'), 'utf8')).toBe('weights 1000000000');
  });

  it('takes the newest before a step, and removes those after one', async () => {
    for (const step of [5, 9, 10, 11]) await commit(step);
    expect((await newestCheckpoint(store, 'stage', { before: 10 })).checkpoint?.step).toBe(9);
    expect((await newestCheckpoint(store, 'stage', { before: 5 })).checkpoint).toBeUndefined();
    await removeCheckpointsAfter(store, 'stage', 9);
    expect(await stepsLeft()).toEqual([5, 9]);
  });

  it('finds none where there is none, and none of another stage', async () => {
    await commit(7);
    expect(await newestCheckpoint(store, 'stage-2')).toEqual({ checkpoint: undefined, skipped: [] });
  });

  it('passes over damaged and incomplete ones and says why', async () => {
    for (const step of [10, 20, 30, 40]) await commit(step);
    await driver.putBytes(await objectOf(40), Buffer.from('weights 4O'));
    await driver.remove([await objectOf(30)]);
    const { checkpoint, skipped } = await newestCheckpoint(store, 'stage');
    expect(checkpoint?.step).toBe(20);
    expect(skipped[0]).toMatch(
      /^checkpoint of step 40: .*step-000000040\/weights: hash [0-9a-f]{64}, expected/,
    );
    expect(skipped[1]).toMatch(/^checkpoint of step 30: .*missing/);
  });

  it('keeps the newest state of a step that is reached again', async () => {
    await commit(10);
    await commit(10, { content: 'after a roll-back' });
    const { checkpoint } = await newestCheckpoint(store, 'stage');
    expect(await readFile(join(checkpoint!.folder, 'weights'), 'utf8')).toBe('after a roll-back');
  });

  it('keeps as many as asked, not counting incomplete ones', async () => {
    for (const step of [1, 2, 3, 4]) await commit(step);
    await driver.remove([await objectOf(4)]);
    await pruneCheckpoints(store, 'stage', { keep: 2 });
    expect(await stepsLeft()).toEqual([2, 3]);
    await commit(5, { keep: 2 });
    expect(await stepsLeft()).toEqual([3, 5]);
    await removeCheckpoints(store, 'stage');
    expect(await stepsLeft()).toEqual([]);
    expect(await driver.list('')).toEqual([]);
  });
});
