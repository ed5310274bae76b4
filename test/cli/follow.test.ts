import pc from 'picocolors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { followRun, startAndFollow } from '../../src/cli/follow.js';
import type { Terminal } from '../../src/cli/terminal.js';
import type { RunConfig } from '../../src/config/run.js';
import { errors } from '../../src/errors/index.js';
import type { RunResult } from '../../src/stages/run-status.js';
import type { Runs, RunView } from '../../src/runs/runs.js';
import { stage, viewOf } from './run-view.js';

const RESULT = { folder: '/runs/trees' } as RunResult; // only handed through

let said: string[];
let terminal: Terminal;
beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  terminal = {
    json: false,
    stderr: { isTTY: false } as NodeJS.WriteStream, // no live area
    colours: pc.createColors(false),
    result: () => undefined,
    say: line => void said.push(line),
  };
});
afterEach(() => vi.useRealTimers());

type Look = RunView | Error;
const working = viewOf([stage('clean', 'running')]);
const ended = viewOf([stage('clean', 'done', { seconds: 2 })], [], { state: 'completed' });

/** Runs whose state is asked for look by look; the last one stays. */
function scripted(looks: Look[], rest: Partial<Runs> = {}): Runs & { readonly asked: string[] } {
  const asked: string[] = [];
  const note = (name: string) => async (): Promise<void> => void asked.push(name);
  return {
    asked,
    launch: () => Promise.reject(new Error('following launches nothing')),
    start: async () => ({ id: 'trees', joined: false }),
    view: async () => {
      const look = looks.length > 1 ? looks.shift()! : looks[0]!;
      if (look instanceof Error) throw look;
      return look;
    },
    list: async () => [],
    history: async () => [],
    pause: note('pause'),
    resume: note('resume'),
    cancel: note('cancel'),
    result: async () => RESULT,
    close: note('close'),
    ...rest,
  };
}

/** Lets time pass until the work has ended. */
async function settle<T>(work: Promise<T>): Promise<T> {
  let over = false;
  const settled = work.finally(() => (over = true));
  settled.catch(() => undefined);
  while (!over) await vi.advanceTimersByTimeAsync(1000);
  return settled;
}

const following = (runs: Runs, signal = new AbortController().signal) => ({ runs, terminal, signal });

describe('followRun', () => {
  it('tells what happens until the run ends, and gives its result', async () => {
    expect(await settle(followRun('trees', following(scripted([working, working, ended]))))).toBe(RESULT);
    expect(said).toEqual(['clean: started', 'clean: done, 2 s']);
  });

  it('throws what ended a failed run', async () => {
    const failed = viewOf([stage('clean', 'failed')], [], { state: 'failed' });
    const runs = scripted([failed], { result: async () => Promise.reject(errors.datasetMissing('/data')) });
    await expect(settle(followRun('trees', following(runs)))).rejects.toMatchObject({ code: 'DATA_MISSING' });
    expect(said).toEqual(['clean: failed']);
  });

  it('bears a server that is away for a while, not one that stays away', async () => {
    const away = errors.serverUnreachable('127.0.0.1:7233', new Error('refused'));
    expect(await settle(followRun('trees', following(scripted([working, away, away, ended]))))).toBe(RESULT);
    const gone = settle(followRun('trees', following(scripted([working, away]))));
    await expect(gone).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });

  it('does not wait for a run that does not exist', async () => {
    const runs = scripted([errors.runMissing('trees')]);
    await expect(settle(followRun('trees', following(runs)))).rejects.toMatchObject({ code: 'RUN_MISSING' });
  });

  it('ends at once when it is interrupted, and asks the run for nothing', async () => {
    const controller = new AbortController();
    const runs = scripted([working]);
    const work = followRun('trees', following(runs, controller.signal));
    work.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(10);
    controller.abort();
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(runs.asked).toEqual([]);
  });
});

describe('startAndFollow', () => {
  const config = { name: 'trees' } as RunConfig; // only handed through
  const joined = async () => ({ id: 'trees', joined: true });

  it('says that it resumes a run which has not ended', async () => {
    await settle(startAndFollow(config, following(scripted([working, ended], { start: joined }))));
    expect(said[0]).toBe('resuming trees: it was interrupted or is running');
  });

  it('lets a paused one go on', async () => {
    const paused = viewOf([stage('clean', 'paused')], [], { state: 'paused', paused: true });
    const runs = scripted([paused, working, ended], { start: joined });
    await settle(startAndFollow(config, following(runs)));
    expect(runs.asked).toEqual(['resume']);
  });

  it('names other runs that share the workers', async () => {
    const started = new Date();
    const list = async () => [
      { id: 'trees', state: 'running' as const, started, ended: null },
      { id: 'demo', state: 'running' as const, started, ended: null },
      { id: 'elms', state: 'completed' as const, started, ended: started },
    ];
    await settle(startAndFollow(config, following(scripted([ended], { list }))));
    expect(said[0]).toBe(
      'demo is running, too, and shares the workers; pause it with: detdistill pause demo',
    );
    expect(said.join()).not.toContain('elms');
  });
});
