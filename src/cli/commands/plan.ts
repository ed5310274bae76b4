import { formatTime } from '../format.js';
import { defineCommand, SET_HELP, several } from '../command.js';
import { alignTable } from '../table.js';

export const plan = defineCommand({
  name: 'plan',
  args: '<config>',
  summary: 'show what a run would do and why, without starting it',
  options: { set: several('a.b=c', SET_HELP) },
  json: true,
  async act({ args: [path = ''], options: { set }, settings, terminal }) {
    const { readConfigFile } = await import('../config-file.js');
    const { planRun } = await import('../../stages/plan.js');
    const { openStore } = await import('../../store/open-store.js');
    const config = await readConfigFile(path, set);
    const stages = await planRun(config, { ...settings, store: openStore(settings) });
    terminal.result({ name: config.name, stages }, ({ dim }) =>
      alignTable([
        ['stage', 'will', 'because'],
        ...stages.map(({ name, will, reason, finishedAt }) => [
          name,
          will,
          dim(finishedAt ? reason.replace('finished', `finished ${formatTime(finishedAt)}`) : reason),
        ]),
      ]),
    );
  },
});
