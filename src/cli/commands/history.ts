import { defineRunCommand } from '../run-command.js';

export const history = defineRunCommand({
  name: 'history',
  summary: 'show what happened in a run, and when',
  async act({ id, runs }) {
    const lines = await runs.history(id);
    return {
      value: lines,
      text: ({ dim }) => lines.map(({ at, what }) => `${dim(at.toISOString())}  ${what}`).join('\n'),
    };
  },
});
