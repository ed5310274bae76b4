import { errors } from '../../errors/index.js';
import { defineCommand } from '../command.js';

const KINDS = ['control', 'gpu'] as const;

export const worker = defineCommand({
  name: 'worker',
  args: '<kind>',
  summary: 'run one worker of a cluster: control or gpu',
  notes:
    'A control worker runs workflows, cleaning and suggestions. A gpu worker runs training, export and evaluation, one at a\ntime; start one for each GPU. TEMPORAL_ADDRESS names the server, DETDISTILL_STORE the store that all machines share.',
  async act({ args: [written], settings, terminal }) {
    const kind = KINDS.find(candidate => candidate === written);
    if (!kind) throw errors.usageWrong(`worker ${written}: unknown kind`, `allowed: ${KINDS.join(', ')}`);
    const { provideNativeParts } = await import('../../native/setup.js');
    const { startWorker } = await import('../../embedded.js');
    const { watchInterruption } = await import('../interruption.js');
    const { showParts } = await import('../progress/parts.js');
    const { onProgress, end } = await showParts(terminal);
    const parts = kind === 'gpu' ? (['tfjs-addon'] as const) : [];
    await provideNativeParts({ settings, parts, onProgress }).finally(end);
    const { signal, release } = watchInterruption(() =>
      terminal.say(
        '\nStopping after the running stage has saved a checkpoint. Press Ctrl-C again to stop at once.',
      ),
    );
    const address = settings.temporalAddress ?? `127.0.0.1:${settings.temporalPort}`;
    const running = await startWorker(kind, { settings, address });
    terminal.say(`${kind} worker of ${address}, store ${settings.storeUrl}. Press Ctrl-C to stop.`);
    signal.addEventListener('abort', () => void running.stop(), { once: true });
    await running.ended.finally(release);
  },
});
