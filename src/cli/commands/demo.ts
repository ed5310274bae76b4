import { join } from 'node:path';
import type { RunConfig } from '../../config/run.js';
import type { CocoMetrics } from '../../formats/coco-metrics.js';
import type { RunResult } from '../../stages/run-status.js';
import { packageFile } from '../../package-root.js';
import type { Settings } from '../../settings.js';
import { defineCommand } from '../command.js';
import { formatDuration } from '../format.js';
import type { Terminal } from '../terminal.js';

/** The results that configs/demo.yaml promises. */
export const EXPECTED = { AP50: { teacher: 0.25, student: 0.25 } } as const;

const ON_INTERRUPT = {
  own: 'Stopping after the running stage has saved a checkpoint. Start the demo again to continue. Press Ctrl-C again to stop at once.',
  others: 'No longer following; the run continues. Start the demo again to follow it.',
};

export const demo = defineCommand({
  name: 'demo',
  summary: 'run the whole pipeline on real images: a large model teaches a small one',
  notes:
    'The demo takes less than 12 minutes on two cores after setup. Interrupted with Ctrl-C and started again, it continues\nwhere it stopped; finished stages are never repeated.',
  json: true,
  async act({ settings, terminal }) {
    const { startAndFollow } = await import('../follow.js');
    const { renderResult } = await import('../run-result.js');
    const { withServer } = await import('../server.js');
    const started = Date.now();
    const config = await prepare(settings, terminal);
    const result = await withServer({ settings, terminal, onInterrupt: ON_INTERRUPT }, (runs, signal) =>
      startAndFollow(config, { runs, terminal, signal }),
    );
    const seconds = (Date.now() - started) / 1000;
    terminal.result(
      summarise(result),
      () => `${renderResult(result, EXPECTED)}\n\nDone after ${formatDuration(seconds)}.`,
    );
  },
});

/** Provides native parts and tiles, and reads the run file with their paths. */
async function prepare(settings: Settings, terminal: Terminal): Promise<RunConfig> {
  const { provideNativeParts } = await import('../../native/setup.js');
  const { readConfigFile } = await import('../config-file.js');
  const { cutDemoData } = await import('../demo-data.js');
  const { showParts } = await import('../progress/parts.js');
  const { onProgress, end } = await showParts(terminal);
  const parts = await provideNativeParts({
    settings,
    parts: ['tfjs-addon', 'temporal', 'demo-images', 'imagenet-lite0', 'imagenet-lite2'],
    onProgress,
  }).finally(end);
  const data = await cutDemoData(parts['demo-images'], join(settings.home, 'demo'));
  return readConfigFile(packageFile('configs/demo.yaml'), [
    `data.train=${data.train}`,
    `data.eval=${data.eval}`,
  ]);
}

/** The JSON result of a demo. */
export function summarise({ teacher, student, stages, folder }: RunResult) {
  const brief = ({ AP, AP50 }: CocoMetrics) => ({ AP, AP50 });
  return {
    teacher: teacher && brief(teacher),
    student: brief(student),
    stages: stages.map(({ name, state, seconds }) => ({
      name,
      state,
      seconds: Math.round(seconds * 10) / 10,
    })),
    report: join(folder, 'evaluation', 'report.json'),
    model: join(folder, 'model'),
  };
}
