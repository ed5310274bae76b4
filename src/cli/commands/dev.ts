import { TEMPORAL_PORT } from '../../settings.js';
import { defineCommand } from '../command.js';
import { alignTable } from '../table.js';

export const dev = defineCommand({
  name: 'dev',
  summary: 'run a server and workers on this machine until Ctrl-C',
  notes: `Other commands with the same DETDISTILL_HOME use this server. Interrupted runs continue at once.
The server listens on port ${TEMPORAL_PORT} (DETDISTILL_PORT). The port of its web page is higher by 1000.`,
  async act({ settings, terminal }) {
    const { startEmbedded } = await import('../../embedded.js');
    const { watchInterruption } = await import('../interruption.js');
    const { showParts } = await import('../progress/parts.js');
    const { signal, release } = watchInterruption(() =>
      terminal.say(
        '\nStopping after running stages have saved a checkpoint. Press Ctrl-C again to stop at once.',
      ),
    );
    const { onProgress, end } = await showParts(terminal, 'starting server and workers …');
    const embedded = await startEmbedded(settings, onProgress).finally(end);
    const places = [
      ['server', embedded.address],
      ...(embedded.ui ? [['web page', embedded.ui]] : []),
      ['state', settings.home],
      ['artifacts', settings.storeUrl],
    ];
    terminal.say(`${alignTable(places)}\nPress Ctrl-C to stop.`);
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
