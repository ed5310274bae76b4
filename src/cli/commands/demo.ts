import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunConfig } from '../../config/run.js';
import type { CocoMetrics, RunResult } from '../../pipeline.js';
import type { Settings } from '../../settings.js';
import { defineCommand } from '../command.js';
import { formatDuration, formatMetric } from '../format.js';
import { alignTable } from '../table.js';
import type { Colours, Terminal } from '../terminal.js';

/** What the run file promises on two cores. */
const EXPECTED = { teacher: { AP50: 0.3 }, student: { AP50: 0.3 } } as const;

const TRAIN_PICTURE = '2019_YELL_2_528000_4978000_image_crop2';
const EVAL_PICTURE = '2019_YELL_2_541000_4977000_image_crop';
const TILE_PX = 128;

export const demo = defineCommand({
  name: 'demo',
  summary: 'the whole pipeline on real pictures, on this machine: a large detector teaches a small one',
  notes: 'Interrupted with Ctrl-C and started again, it goes on where it was.',
  json: true,
  async act({ settings, terminal }) {
    const { startAndFollow, withServer } = await import('../follow.js');
    const started = Date.now();
    const config = await demoConfig(settings, terminal);
    const onInterrupt =
      'Saving a checkpoint and stopping; start the demo again to go on. Ctrl-C again: stop at once.';
    const result = await withServer({ settings, terminal, onInterrupt }, (runs, signal) =>
      startAndFollow(config, { runs, signal, terminal }),
    );
    const report = join(result.folder, 'evaluation', 'report.json');
    const model = join(result.folder, 'model');
    const stages = result.stages.map(({ name, state, seconds }) => ({
      name,
      state,
      seconds: Math.round(seconds * 10) / 10,
    }));
    const brief = ({ AP, AP50 }: CocoMetrics) => ({ AP, AP50 });
    terminal.result(
      { teacher: brief(result.teacher!), student: brief(result.student), stages, report, model },
      colours => renderDemo(result, { colours, seconds: (Date.now() - started) / 1000 }),
    );
  },
});

/** The run file of the demo, on tiles of its pictures. */
async function demoConfig(settings: Settings, terminal: Terminal): Promise<RunConfig> {
  const { provideNativeParts } = await import('../../native/setup.js');
  const { cutTiles } = await import('../../data/tiles.js');
  const { parseRunConfig } = await import('../../config/run.js');
  const { showParts } = await import('../progress/parts.js');
  const { parse } = await import('yaml');
  const { onProgress, end } = await showParts(terminal);
  const parts = await provideNativeParts({
    settings,
    parts: ['tfjs-addon', 'temporal', 'demo-pictures', 'imagenet-lite0', 'imagenet-lite2'],
    onProgress,
  }).finally(end);
  const folder = join(settings.home, 'demo');
  const cut = async (name: string, split: 'train' | 'eval', stridePx: number): Promise<string> => {
    const outFolder = join(folder, split);
    const source = join(parts['demo-pictures'], name);
    await cutTiles({
      picture: `${source}.png`,
      annotation: `${source}.xml`,
      outFolder,
      tilePx: TILE_PX,
      stridePx,
    });
    return outFolder;
  };
  const [train, evaluation] = [
    await cut(TRAIN_PICTURE, 'train', 96),
    await cut(EVAL_PICTURE, 'eval', TILE_PX),
  ];
  const root = import.meta.url.endsWith('.ts') ? '../../../' : '../../../../'; // the build lies in dist/
  const file = fileURLToPath(new URL(`${root}configs/demo.yaml`, import.meta.url));
  const content = parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  return parseRunConfig({ ...content, data: { train, eval: evaluation } }, file);
}

function renderDemo(
  { teacher, student, stages, suggestions, folder }: RunResult,
  { colours, seconds }: { colours: Colours; seconds: number },
): string {
  const row = (name: 'teacher' | 'student', metrics: CocoMetrics): string[] => [
    name,
    formatMetric(metrics.AP),
    formatMetric(metrics.AP50),
    formatMetric(EXPECTED[name].AP50),
  ];
  const stageRows = stages.map(({ name, state, seconds: taken }) => [name, state, formatDuration(taken)]);
  const advice = suggestions.map(({ id, advice: { en } }) => `  ${colours.dim(id)} ${en}`);
  const places = [
    ['model', join(folder, 'model')],
    ['report', join(folder, 'evaluation', 'report.json')],
    ['picture', join(folder, 'evaluation', 'pictures', 'detections.png')],
    ['suggestions', join(folder, 'suggestions', 'suggestions.json')],
    ['teacher', join(folder, 'teacher')],
  ];
  return [
    alignTable([['stage', 'state', 'time'], ...stageRows], [2]),
    alignTable(
      [
        ['', 'AP', 'AP50', 'AP50 expected'],
        ...(teacher ? [row('teacher', teacher)] : []),
        row('student', student),
      ],
      [1, 2, 3],
    ),
    `What to change next:\n${advice.join('\n') || '  nothing stands out'}`,
    alignTable(places),
    `Done in ${formatDuration(seconds)}.`,
  ].join('\n\n');
}
