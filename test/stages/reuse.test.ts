import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Dependencies } from '../../src/stages/context.js';
import { reuseOrRun } from '../../src/stages/reuse.js';
import type { EvaluateResult } from '../../src/stages/stages.js';
import { readSettings } from '../../src/settings.js';
import { openStore } from '../../src/store/open-store.js';
import { METRICS } from './script.js';

let home: string;
let dependencies: Dependencies;
const onProgress = vi.fn();
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'detdistill-home-'));
  const settings = readSettings({ DETDISTILL_HOME: home });
  const runJob = () => Promise.reject(new Error('no job is expected'));
  dependencies = { settings, store: openStore(settings), runJob };
  onProgress.mockClear();
});
afterEach(() => rm(home, { recursive: true, force: true }));

const work = vi.fn(async (folder: string) => {
  await writeFile(join(folder, 'report.json'), '{}');
  return { metrics: METRICS, test: null };
});

function evaluate(signal = new AbortController().signal): Promise<EvaluateResult> {
  work.mockClear();
  const environment = { ...dependencies, signal, onProgress, last: undefined };
  return reuseOrRun({ kind: 'evaluate', key: 'abc' }, environment, work);
}

describe('a stage', () => {
  it('is done once; after that its artifact and its facts are found', async () => {
    const first = await evaluate();
    expect(first).toMatchObject({ reused: false, metrics: METRICS });
    const second = await evaluate();
    expect(work).not.toHaveBeenCalled();
    expect(second).toEqual({ ...first, reused: true });
  });

  it('is done again when its artifact is damaged, and the damage is gone then', async () => {
    const { artifact } = await evaluate();
    const file = join(await dependencies.store.open(artifact), 'report.json');
    await writeFile(file, '[]');
    expect(await evaluate()).toMatchObject({ reused: false });
    expect(work).toHaveBeenCalledOnce();
    expect(await readFile(join(await dependencies.store.open(artifact), 'report.json'), 'utf8')).toBe('{}');
  });

  it('works in a folder that nobody else has, and that goes away', async () => {
    const folders: string[] = [];
    work.mockImplementation(async folder => {
      folders.push(folder);
      expect(await readdir(folder)).toEqual([]);
      await writeFile(join(folder, 'report.json'), '{}');
      return { metrics: METRICS, test: null };
    });
    await Promise.all([evaluate(), evaluate()]);
    expect(new Set(folders).size).toBe(2);
    expect(await readdir(join(home, 'work'))).toEqual([]);
  });

  it('leaves nothing when it fails', async () => {
    work.mockRejectedValueOnce(new Error('no'));
    await expect(evaluate()).rejects.toThrow('no');
    expect(await readdir(join(home, 'work'))).toEqual([]);
    expect(await dependencies.store.list('')).toEqual([]);
  });

  it('is not stored when it is cancelled', async () => {
    await expect(evaluate(AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
    expect(await dependencies.store.list('')).toEqual([]);
  });

  it('says when it looks and when it stores, which may take long', async () => {
    await evaluate();
    expect(onProgress.mock.calls.map(([{ phase }]) => phase as string)).toEqual(['open', 'commit']);
  });
});
