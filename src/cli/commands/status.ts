import { defineCommand } from '../command.js';

export const status = defineCommand({
  name: 'status',
  args: '<run>',
  summary: 'where a run stands',
  json: true,
  async act({ args: [id], settings, terminal }) {
    const { withRuns } = await import('../server.js');
    const { renderRun } = await import('../progress/run-display.js');
    const view = await withRuns(settings, open => open.view(id!));
    terminal.result(
      view,
      colours => `${view.id}: ${view.state}\n${renderRun(view, { colours, now: Date.now() })}`,
    );
  },
});
