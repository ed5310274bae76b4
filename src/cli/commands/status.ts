import { defineRunCommand } from '../run-command.js';

export const status = defineRunCommand({
  name: 'status',
  summary: 'show the state of a run',
  async act({ id, runs }) {
    const { renderRun } = await import('../progress/run-display.js');
    const view = await runs.view(id);
    return {
      value: view,
      text: colours => `${view.id}: ${view.state}\n${renderRun(view, { colours, now: Date.now() })}`,
    };
  },
});
