import { type Command, defineCommand } from '../command.js';

interface SignalRow {
  readonly name: 'pause' | 'resume' | 'cancel';
  readonly summary: string;
  /** What the run does once it has been asked. */
  readonly then: string;
}

const signal = ({ name, summary, then }: SignalRow): Command =>
  defineCommand({
    name,
    args: '<run>',
    summary,
    json: true,
    async act({ args: [id], settings, terminal }) {
      const { withRuns } = await import('../server.js');
      await withRuns(settings, open => open[name](id!));
      terminal.result({ id, asked: name }, () => `${id}: ${then}`);
    },
  });

export const pause = signal({
  name: 'pause',
  summary: 'stop a run at a checkpoint; frees its GPU',
  then: 'asked to pause; the running stage saves a checkpoint first',
});
export const resume = signal({
  name: 'resume',
  summary: 'let a paused run go on',
  then: 'goes on',
});
export const cancel = signal({
  name: 'cancel',
  summary: 'end a run; started again, it goes on from there',
  then: 'asked to end; the running stage saves a checkpoint first',
});
