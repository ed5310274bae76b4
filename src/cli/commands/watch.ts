import { defineRunCommand } from '../run-command.js';

export const watch = defineRunCommand({
  name: 'watch',
  summary: 'follow a run until it ends',
  notes: 'Ctrl-C stops following the run; the run itself continues.',
  async act({ id, runs, terminal }) {
    const { followRun } = await import('../follow.js');
    const { watchInterruption } = await import('../interruption.js');
    const { renderResult } = await import('../run-result.js');
    const { signal, release } = watchInterruption(() =>
      terminal.say(`\nNo longer following ${id}; the run continues.`),
    );
    const result = await followRun(id, { runs, terminal, signal }).finally(release);
    return { value: result, text: () => renderResult(result) };
  },
});
