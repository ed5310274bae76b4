import { defineCommand } from '../command.js';

export const watch = defineCommand({
  name: 'watch',
  args: '<run>',
  summary: 'follow a run until it ends',
  notes: 'Ctrl-C ends the following, not the run.',
  json: true,
  async act({ args: [id], settings, terminal }) {
    const { withRuns } = await import('../server.js');
    const { followRun } = await import('../follow.js');
    const { watchInterruption } = await import('../interruption.js');
    const { renderResult } = await import('../run-result.js');
    const { signal, release } = watchInterruption(() =>
      terminal.say(`\nNo longer following ${id}; it goes on.`),
    );
    const result = await withRuns(settings, runs => followRun(id!, { runs, terminal, signal })).finally(
      release,
    );
    terminal.result(result, () => renderResult(result));
  },
});
