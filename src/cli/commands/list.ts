import { defineCommand } from '../command.js';
import { formatDuration, formatTime } from '../format.js';
import { alignTable } from '../table.js';

export const list = defineCommand({
  name: 'list',
  summary: 'list the runs that the server knows, newest first',
  json: true,
  async act({ settings, terminal }) {
    const { withRuns } = await import('../server.js');
    const runs = await withRuns(settings, open => open.list());
    runs.sort((a, b) => b.started.getTime() - a.started.getTime());
    const rows = runs.map(({ id, state, started, ended }) => {
      const seconds = ((ended ?? new Date()).getTime() - started.getTime()) / 1000;
      return [id, state, formatTime(started), formatDuration(seconds)];
    });
    terminal.result(runs, () =>
      rows.length === 0
        ? 'No runs yet. Start one with: detdistill demo'
        : alignTable([['run', 'state', 'started', 'time'], ...rows], [3]),
    );
  },
});
