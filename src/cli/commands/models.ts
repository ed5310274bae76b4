import { copyFile, cp, mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { errors } from '../../errors.js';
import type { Prediction, TrainerJob } from '../../pipeline.js';
import type { Settings } from '../../settings.js';
import { defineCommand, needed, oneOf, optional } from '../command.js';
import { showParts } from '../progress/parts.js';
import { showStage } from '../progress/stage.js';
import type { Terminal } from '../terminal.js';

/** Runs a job of the trainer process without a pipeline around it. */
async function runJob<T>(
  job: TrainerJob,
  { settings, terminal }: { settings: Settings; terminal: Terminal },
): Promise<T> {
  const { provideNativeParts } = await import('../../native/setup.js');
  const { runTrainer } = await import('../../../activities/trainer-process.js');
  const { watchInterruption } = await import('../interruption.js');
  const parts = await showParts(terminal);
  await provideNativeParts({ settings, parts: ['tfjs-addon'], onProgress: parts.onProgress }).finally(
    parts.end,
  );
  const { signal, release } = watchInterruption(() => terminal.say('\nStopping.'));
  const { onProgress, end } = await showStage(terminal);
  return runTrainer<T>(job, { settings, signal, onProgress }).finally(() => {
    end();
    release();
  });
}

/** Scores below it are seldom worth looking at. */
const SHOWN_SCORE = 0.3;

export const predict = defineCommand({
  name: 'predict',
  args: '<image...>',
  summary: 'detections of a model in pictures',
  options: {
    model: needed('dir', 'model folder, as a run leaves it'),
    out: optional('dir', 'folder for copies of the pictures with boxes'),
    score: optional('number', `detections from this score on; default ${SHOWN_SCORE}`),
  },
  json: true,
  async act({ args, options: { model, out, score }, settings, terminal }) {
    const threshold = score === undefined ? SHOWN_SCORE : Number(score);
    if (!(threshold >= 0 && threshold <= 1))
      throw errors.usageWrong(`--score ${score}`, 'a number from 0 to 1');
    const all = await runJob<Prediction[]>(
      { kind: 'predict', model: resolve(model), images: args.map(image => resolve(image)) },
      { settings, terminal },
    );
    const predictions = all.map(({ detections, ...picture }) => ({
      ...picture,
      detections: detections.filter(detection => detection.score >= threshold),
    }));
    if (out !== undefined) await drawAll(predictions, out);
    terminal.result(predictions, () => predictions.map(renderPrediction).join('\n'));
  },
});

async function drawAll(predictions: readonly Prediction[], out: string): Promise<void> {
  const { drawBoxes, DETECTION_COLOUR } = await import('../../evaluation/draw.js');
  await mkdir(out, { recursive: true });
  for (const { image, detections } of predictions) {
    const boxes = detections.map(({ box, label, score }) => ({
      box,
      label: `${label} ${score.toFixed(2)}`,
      colour: DETECTION_COLOUR,
    }));
    await writeFile(join(out, `${basename(image, extname(image))}.png`), await drawBoxes(image, boxes));
  }
}

function renderPrediction({ image, detections }: Prediction): string {
  const lines = detections.map(
    ({ label, score, box }) =>
      `  ${label} ${score.toFixed(2)}  [${box.map(corner => corner.toFixed(0)).join(', ')}]`,
  );
  return [`${image}: ${detections.length} found`, ...lines].join('\n');
}

const FORMATS = ['frozen', 'saved-model'] as const;

export const exportCommand = defineCommand({
  name: 'export',
  args: '<run|dir>',
  summary: 'the model of a run, or of its folder, in a format to deploy',
  notes:
    'frozen: one file, input images float32 [N, height, width, 3], normalised; outputs class_predict_3 … 7 and box_predict_3 … 7, raw.\nsaved-model: a folder; takes pictures of any size.',
  options: { format: oneOf(FORMATS, 'what to write'), out: needed('file|dir', 'where to write it') },
  json: true,
  async act({ args: [source], options: { format, out }, settings, terminal }) {
    const { FROZEN_GRAPH } = await import('../../detection/model-card.js');
    const model = await modelFolder(source!, settings);
    if (await stat(out).catch(() => null))
      throw errors.usageWrong(`${out} is there already`, 'name a file or folder that is not');
    await mkdir(dirname(resolve(out)), { recursive: true });
    if (format === 'frozen') await copyFile(join(model, FROZEN_GRAPH), out);
    else await cp(model, out, { recursive: true, filter: file => basename(file) !== FROZEN_GRAPH });
    terminal.result({ out, format, model }, () => `Written to ${out}`);
  },
});

/** A model folder, a run's folder, or a run's name. */
async function modelFolder(source: string, settings: Settings): Promise<string> {
  for (const candidate of [source, join(source, 'model'), join(settings.home, 'runs', source, 'model')])
    if (await stat(join(candidate, 'saved_model.pb')).catch(() => null)) return candidate;
  throw errors.modelUnreadable(source, new Error('neither a run nor a folder with a model'));
}
