import { stat } from 'node:fs/promises';
import type { RunConfig } from '../../config/run.js';
import { errors } from '../../errors.js';
import { defineCommand, flag, several } from '../command.js';

const ON_INTERRUPT = {
  own: 'Stopping: the running stage saves a checkpoint first. Start the run again to go on. Ctrl-C again: stop at once.',
  others: 'No longer following; the run goes on.',
};

export const run = defineCommand({
  name: 'run',
  args: '<config>',
  summary: 'start a run from a run file, and follow it to its end',
  notes:
    'Where no server is named (TEMPORAL_ADDRESS) or runs (detdistill dev), one is started with workers on this machine\nfor as long as the run takes. A run of the same name that has not ended is joined.',
  options: {
    set: several('a.b=c', 'another value for a key of the run file; may be repeated'),
    detach: flag('only start it; needs a server with workers'),
  },
  json: true,
  async act({ args: [path], options: { set, detach }, settings, terminal }) {
    const { readConfigFile } = await import('../config-file.js');
    const { withRuns, withServer } = await import('../server.js');
    const config = await readConfigFile(path!, set);
    if (settings.temporalAddress === null) await assertDataThere(config);
    if (detach) {
      const { id, joined } = await withRuns(settings, runs => runs.start(config));
      return terminal.result({ id, joined }, () =>
        joined ? `${id} is under way already.` : `Started ${id}; detdistill watch ${id} follows it.`,
      );
    }
    const { startAndFollow } = await import('../follow.js');
    const { renderResult } = await import('../run-result.js');
    const result = await withServer({ settings, terminal, onInterrupt: ON_INTERRUPT }, (runs, signal) =>
      startAndFollow(config, { runs, terminal, signal }),
    );
    terminal.result(result, () => renderResult(result));
  },
});

/** Where the workers are on this machine, what is not here need not be started. */
async function assertDataThere({ data }: RunConfig): Promise<void> {
  for (const path of [data.train, data.eval])
    if (path !== null && !(await stat(path).catch(() => null))) throw errors.datasetMissing(path);
}
