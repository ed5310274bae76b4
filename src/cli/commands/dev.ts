import { defineCommand } from '../command.js';
import { alignTable } from '../table.js';

export const dev = defineCommand({
  name: 'dev',
  summary: 'server and workers on this machine, until Ctrl-C',
  notes:
    'Other commands of the same DETDISTILL_HOME find it. Runs that were interrupted go on at once.\nThe server listens on port 7233 (DETDISTILL_PORT), its web page is at the port 1000 above.',
  async act({ settings, terminal }) {
    const { startEmbedded } = await import('../../embedded.js');
    const { watchInterruption } = await import('../interruption.js');
    const { showParts } = await import('../progress/parts.js');
    const { signal, release } = watchInterruption(() =>
      terminal.say('\nStopping: running stages save a checkpoint first. Ctrl-C again: stop at once.'),
    );
    const { onProgress, end } = await showParts(terminal, 'starting server and workers …');
    const embedded = await startEmbedded(settings, onProgress).finally(end);
    const places = [
      ['server', embedded.address],
      ...(embedded.ui ? [['web page', embedded.ui]] : []),
      ['state', settings.home],
      ['artifacts', settings.storeUrl],
    ];
    terminal.say(`${alignTable(places)}\nCtrl-C ends it.`);
    await aborted(signal);
    await embedded.stop();
    release();
  },
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
