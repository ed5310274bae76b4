import { mkdir, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { DEFAULT_SCORE_THRESHOLD } from '../../formats/detections.js';
import { errors } from '../../errors/index.js';
import { isFile } from '../../files/walk.js';
import type { Prediction } from '../../formats/prediction.js';
import { defineCommand, needed, optional, MODEL_HELP } from '../command.js';

export const predict = defineCommand({
  name: 'predict',
  args: '<image...>',
  summary: 'detect objects in images',
  options: {
    model: needed('model', MODEL_HELP),
    score: optional('number', `lowest score of the detections, 0 to 1; default: ${DEFAULT_SCORE_THRESHOLD}`),
    out: optional('dir', 'folder for copies of the images with drawn boxes'),
  },
  json: true,
  async act({ args, options: { model, out, score }, settings, terminal }) {
    const minScore = readScore(score);
    const images = args.map(image => resolve(image));
    for (const image of images) if (!(await isFile(image))) throw errors.datasetMissing(image);
    const { withModel } = await import('../with-model.js');
    const { runJob } = await import('../trainer-job.js');
    const context = { settings, terminal };
    const predictions = await withModel(model, context, folder =>
      runJob({ kind: 'predict', model: folder, images, minScore }, context),
    );
    const drawn = out === undefined ? [] : await drawAll(predictions, resolve(out));
    const result = predictions.map((prediction, i) =>
      drawn[i] ? { ...prediction, drawn: drawn[i] } : prediction,
    );
    terminal.result(result, () => result.map(renderPrediction).join('\n'));
    terminal.say(`Inference engine: ${predictions[0]!.engine}.`);
  },
});

function readScore(written: string | undefined): number {
  const score = written === undefined ? DEFAULT_SCORE_THRESHOLD : Number(written);
  if (score >= 0 && score <= 1) return score;
  throw errors.usageWrong(`--score ${written}: not a score`, 'allowed: numbers from 0 to 1');
}

async function drawAll(predictions: readonly Prediction[], folder: string): Promise<string[]> {
  const { drawBoxes, DETECTION_COLOUR } = await import('../../images/draw.js');
  await mkdir(folder, { recursive: true });
  const files = distinct(predictions.map(({ image }) => basename(image, extname(image)))).map(name =>
    join(folder, `${name}.png`),
  );
  for (const [i, { image, detections }] of predictions.entries()) {
    const boxes = detections.map(({ box, label, score }) => ({
      box,
      label: `${label} ${score.toFixed(2)}`,
      colour: DETECTION_COLOUR,
    }));
    await writeFile(files[i]!, await drawBoxes(image, boxes));
  }
  return files;
}

/** Images of one name from several folders must not overwrite each other. */
function distinct(names: readonly string[]): string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter(other => other === name).length;
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}

export function renderPrediction({ image, detections, drawn }: Prediction & { drawn?: string }): string {
  const lines = detections.map(
    ({ label, score, box: [ymin, xmin, ymax, xmax] }) =>
      `  ${label} ${score.toFixed(2)}  x ${xmin.toFixed(0)}–${xmax.toFixed(0)}  y ${ymin.toFixed(0)}–${ymax.toFixed(0)}`,
  );
  return [`${image}: ${detections.length} found${drawn ? `, drawn in ${drawn}` : ''}`, ...lines].join('\n');
}
