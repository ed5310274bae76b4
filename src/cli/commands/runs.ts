import type { Settings } from '../../settings.js';
import type { Runs } from '../../runs/runs.js';
import { defineCommand } from '../command.js';
import { alignTable } from '../table.js';

async function withRuns<T>(settings: Settings, work: (runs: Runs) => Promise<T>): Promise<T> {
  const { connectRuns } = await import('../../runs/runs.js');
  const runs = await connectRuns(settings);
  return work(runs).finally(() => runs.close());
}

export const list = defineCommand({
  name: 'list',
  summary: 'the runs that the server knows',
  json: true,
  async act({ settings, terminal }) {
    const runs = await withRuns(settings, open => open.list());
    terminal.result(runs, () =>
      runs.length === 0
        ? 'No runs yet.'
        : alignTable([
            ['run', 'state', 'started'],
            ...runs.map(({ id, state, started }) => [id, state, started.toISOString()]),
          ]),
    );
  },
});

export const status = defineCommand({
  name: 'status',
  args: '<run>',
  summary: 'where a run stands',
  json: true,
  async act({ args: [id], settings, terminal }) {
    const { renderRun } = await import('../progress/run.js');
    const view = await withRuns(settings, open => open.view(id!));
    terminal.result(view, colours => `${view.id} ${view.state}\n${renderRun(view, colours)}`);
  },
});

export const watch = defineCommand({
  name: 'watch',
  args: '<run>',
  summary: 'follow a run until it ends',
  json: true,
  async act({ args: [id], settings, terminal }) {
    const { followRun } = await import('../follow.js');
    const { watchInterruption } = await import('../interruption.js');
    const { renderResult } = await import('./run.js');
    const { signal, release } = watchInterruption(() =>
      terminal.say('\nNo longer following; the run goes on.'),
    );
    const result = await withRuns(settings, open => followRun(open, id!, { terminal, signal })).finally(
      release,
    );
    terminal.result(result, () => renderResult(result));
  },
});

export const history = defineCommand({
  name: 'history',
  args: '<run>',
  summary: 'what happened in a run: attempts, failures, signals',
  json: true,
  async act({ args: [id], settings, terminal }) {
    const lines = await withRuns(settings, open => open.history(id!));
    terminal.result(lines, ({ dim }) =>
      lines.map(({ at, what }) => `${dim(at.toISOString())} ${what}`).join('\n'),
    );
  },
});

const signals = (name: 'pause' | 'resume' | 'cancel', summary: string, done: string) =>
  defineCommand({
    name,
    args: '<run>',
    summary,
    json: true,
    async act({ args: [id], settings, terminal }) {
      await withRuns(settings, open => open[name](id!));
      terminal.result({ id, asked: name }, () => `${id}: ${done}`);
    },
  });

export const pause = signals(
  'pause',
  'stop a run at a checkpoint and free its GPU',
  'asked to pause; it saves a checkpoint first',
);
export const resume = signals('resume', 'let a paused run go on from its checkpoint', 'goes on');
export const cancel = signals(
  'cancel',
  'end a run; its checkpoints stay',
  'asked to end; it saves a checkpoint first',
);
