import { defineCommand, DETACH_HELP, flag, SET_HELP, several } from '../command.js';

export const run = defineCommand({
  name: 'run',
  args: '<config>',
  summary: 'start a run from a run file and follow it to its end',
  notes:
    'If no server is named (TEMPORAL_ADDRESS) or running (detdistill dev), the command starts a server and workers on this\nmachine for the duration of the run. If a run of the same name has not ended, the command follows that run.',
  options: {
    set: several('a.b=c', SET_HELP),
    detach: flag(DETACH_HELP),
  },
  json: true,
  async act({ args: [path = ''], options: { set, detach }, settings, terminal }) {
    const { readConfigFile } = await import('../config-file.js');
    const { launch } = await import('../launch.js');
    await launch(await readConfigFile(path, set), { detach, settings, terminal });
  },
});
