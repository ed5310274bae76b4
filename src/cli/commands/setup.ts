import { defineCommand, flag } from '../command.js';
import { formatDuration } from '../format.js';
import { alignTable } from '../table.js';

export const setup = defineCommand({
  name: 'setup',
  summary: 'download what npm does not provide: TensorFlow and the Temporal server',
  notes:
    'Every other command downloads missing parts by itself. All parts are stored in the cache folder under DETDISTILL_HOME;\nexisting parts are not downloaded again.',
  options: {
    gpu: flag('provide TensorFlow for NVIDIA GPUs even if this machine has none'),
    forTests: flag('also provide what the tests need'),
  },
  json: true,
  async act({ options, settings, terminal }) {
    const { nativePaths, provideNativeParts, provideTestParts } = await import('../../native/setup.js');
    const { showParts } = await import('../progress/parts.js');
    const started = Date.now();
    const { onProgress, end } = await showParts(terminal);
    try {
      const gpu = options.gpu || undefined; // undefined: detect whether this machine has one
      await provideNativeParts({ settings, parts: ['tfjs-addon', 'temporal'], gpu, onProgress });
      if (options.forTests)
        for (const { part, reason } of (await provideTestParts(settings, onProgress)).unavailable)
          terminal.say(`${part} is not available, so tests that need it are skipped: ${reason}`);
    } finally {
      end();
    }
    const paths = Object.entries(nativePaths(settings, options.gpu || undefined)).filter(
      ([, path]) => path !== null,
    );
    const seconds = (Date.now() - started) / 1000;
    terminal.result(
      { parts: Object.fromEntries(paths), seconds },
      ({ green }) =>
        `${alignTable(paths.map(([part, path]) => [green('✓'), part, path!]))}\nReady after ${formatDuration(seconds)}.`,
    );
  },
});
