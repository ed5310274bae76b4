import { defineCommand, flag, several } from '../command.js';

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
    const { launch } = await import('../launch.js');
    await launch(await readConfigFile(path!, set), { detach, settings, terminal });
  },
});
