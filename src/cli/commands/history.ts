import { defineCommand } from '../command.js';

export const history = defineCommand({
  name: 'history',
  args: '<run>',
  summary: 'what happened in a run, and when',
  json: true,
  async act({ args: [id], settings, terminal }) {
    const { withRuns } = await import('../server.js');
    const lines = await withRuns(settings, open => open.history(id!));
    terminal.result(lines, ({ dim }) =>
      lines.map(({ at, what }) => `${dim(at.toISOString())}  ${what}`).join('\n'),
    );
  },
});
