import { defineCommand, flag } from '../command.js';
import { formatDuration } from '../format.js';
import { alignTable } from '../table.js';

export const setup = defineCommand({
  name: 'setup',
  summary: "fetch what npm does not carry: TensorFlow, Temporal's server",
  notes:
    'Every other command does this by itself when something is missing. Everything lies in the cache folder under\nDETDISTILL_HOME; what is there is not fetched again.',
  options: {
    gpu: flag('TensorFlow for NVIDIA GPUs, whether this machine has one or not'),
    forTests: flag('what the tests use, too'),
  },
  json: true,
  async act({ options, settings, terminal }) {
    const { nativePaths, provideNativeParts, provideTestParts } = await import('../../native/setup.js');
    const { showParts } = await import('../progress/parts.js');
    const started = Date.now();
    const { onProgress, end } = await showParts(terminal);
    try {
      const gpu = options.gpu || undefined; // else: whether there is one here
      await provideNativeParts({ settings, parts: ['tfjs-addon', 'temporal'], gpu, onProgress });
      if (options.forTests)
        for (const { part, reason } of (await provideTestParts(settings, onProgress)).unavailable)
          terminal.say(`${part} is not available, tests that need it are skipped: ${reason}`);
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
