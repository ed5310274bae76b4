import { errors } from '../../errors.js';
import { defineCommand } from '../command.js';
import { watchInterruption } from '../interruption.js';
import { showParts } from '../progress/parts.js';

export const dev = defineCommand({
  name: 'dev',
  summary: 'an embedded server with workers, until Ctrl-C',
  async act({ settings, terminal }) {
    const { startEmbedded } = await import('../../../workers/embedded.js');
    const { signal, release } = watchInterruption(() =>
      terminal.say('\nStopping: running stages save a checkpoint first.'),
    );
    const { onProgress, end } = await showParts(terminal);
    const embedded = await startEmbedded(settings, onProgress).finally(end);
    terminal.say(
      `server   ${embedded.address}${embedded.ui ? `\nhistory  ${embedded.ui}` : ''}\nstate    ${settings.home}\nCtrl-C ends it.`,
    );
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    await embedded.stop();
    release();
  },
});

const KINDS = ['control', 'gpu'] as const;

export const worker = defineCommand({
  name: 'worker',
  args: '<kind>',
  summary: 'one worker of a cluster: control or gpu',
  notes:
    'Needs TEMPORAL_ADDRESS. control: workflows, cleaning, advice. gpu: training, export, evaluation, one at a time.',
  async act({ args: [written], settings, terminal }) {
    const kind = KINDS.find(candidate => candidate === written);
    if (!kind) throw errors.usageWrong(`worker ${written}: no such kind`, `allowed: ${KINDS.join(', ')}`);
    const { provideNativeParts } = await import('../../native/setup.js');
    const { startWorker } = await import('../../../workers/workers.js');
    if (kind === 'gpu') {
      const { onProgress, end } = await showParts(terminal);
      await provideNativeParts({ settings, parts: ['tfjs-addon'], onProgress }).finally(end);
    }
    const { signal, release } = watchInterruption(() =>
      terminal.say('\nStopping: the running stage saves a checkpoint first.'),
    );
    const address = settings.temporalAddress ?? `127.0.0.1:${settings.temporalPort}`;
    const running = await startWorker(kind, { settings, address });
    terminal.say(`${kind} worker of ${address}; Ctrl-C ends it.`);
    signal.addEventListener('abort', () => void running.stop(), { once: true });
    await running.ended.finally(release);
  },
});
