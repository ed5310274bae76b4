import type { Command } from '../command.js';
import { defineRunCommand } from '../run-command.js';

interface SignalRow {
  readonly name: 'pause' | 'resume' | 'cancel';
  readonly summary: string;
  /** Tells the user what the run does now. */
  readonly effect: string;
}

const signal = ({ name, summary, effect }: SignalRow): Command =>
  defineRunCommand({
    name,
    summary,
    async act({ id, runs }) {
      await runs[name](id);
      return { value: { id, asked: name }, text: () => `${id}: ${effect}` };
    },
  });

export const pause = signal({
  name: 'pause',
  summary: 'stop a run at a checkpoint and free its GPU',
  effect: 'pausing; the running stage saves a checkpoint first',
});
export const resume = signal({
  name: 'resume',
  summary: 'continue a paused run',
  effect: 'resuming',
});
export const cancel = signal({
  name: 'cancel',
  summary: 'cancel a run; started again, it continues from its last checkpoint',
  effect: 'cancelling; the running stage saves a checkpoint first',
});
