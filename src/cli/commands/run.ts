import { join } from 'node:path';
import type { RunResult } from '../../pipeline.js';
import { defineCommand, flag, several } from '../command.js';
import { formatMetric } from '../format.js';
import { alignTable } from '../table.js';

export const run = defineCommand({
  name: 'run',
  args: '<config>',
  summary: 'start a pipeline from a run file and follow it',
  notes: 'Without TEMPORAL_ADDRESS a server and workers are started on this machine and end with the run.',
  options: {
    set: several('a.b=c', 'another value for a key of the run file; may be repeated'),
    detach: flag('do not follow; needs a server with workers (TEMPORAL_ADDRESS)'),
  },
  json: true,
  async act({ args: [path], options: { set, detach }, settings, terminal }) {
    const { readConfigFile } = await import('../config-file.js');
    const config = await readConfigFile(path!, set);
    if (detach) {
      const { connectRuns } = await import('../../runs/runs.js');
      const runs = await connectRuns(settings);
      const { id } = await runs.start(config).finally(() => runs.close());
      return terminal.result({ id }, () => `Started ${id}; detdistill watch ${id} follows it.`);
    }
    const { startAndFollow, withServer } = await import('../follow.js');
    const onInterrupt = settings.temporalAddress
      ? 'No longer following; the run goes on.'
      : 'Saving a checkpoint and stopping; start the run again to go on.';
    const result = await withServer({ settings, terminal, onInterrupt }, (runs, signal) =>
      startAndFollow(config, { runs, signal, terminal }),
    );
    terminal.result(result, () => renderResult(result));
  },
});

export function renderResult({ teacher, student, suggestions, folder }: RunResult): string {
  const rows = [...(teacher ? [['teacher', teacher] as const] : []), ['student', student] as const];
  const metrics = alignTable(
    [['', 'AP', 'AP50'], ...rows.map(([name, { AP, AP50 }]) => [name, formatMetric(AP), formatMetric(AP50)])],
    [1, 2],
  );
  const advice = suggestions.map(({ id, advice: { en } }) => `  ${id} ${en}`).join('\n');
  return [
    metrics,
    advice && `What to change next:\n${advice}`,
    `Everything is in ${folder}; the model in ${join(folder, 'model')}.`,
  ]
    .filter(Boolean)
    .join('\n\n');
}
