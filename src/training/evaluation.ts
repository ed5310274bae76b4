import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../config/families.js';
import { evaluationBatches } from '../data/batches.js';
import type { CleanedSample } from '../formats/dataset.js';
import { randomFrom } from '../random.js';
import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { CocoDetection } from '../formats/coco.js';
import { cocoDetections } from '../formats/detections.js';
import { groundTruthCoco } from '../formats/ground-truth.js';
import { ARCHIVE, checkpointPrefix, writeCheckpointPointer } from '../formats/training-state.js';
import { saveFinite } from './checkpoint.js';
import type { TrainingRun } from './training-run.js';

/** Evaluates, logs the result, and archives the checkpoint when it is the best so far. */
export async function evaluate(run: TrainingRun): Promise<void> {
  const metrics = await measure(run);
  run.journal.evaluation(metrics);
  if (run.state.addEvaluation(metrics)) await archive(run, metrics);
}

/** The images of the evaluation split that evaluations in training take: all of a small split, else always the same ones. */
export function evaluatedSamples(
  samples: readonly CleanedSample[],
  { most, seed }: { most: number; seed: number },
): CleanedSample[] {
  if (samples.length <= most) return [...samples];
  const chosen = new Set(randomFrom(seed, 'evaluated samples').shuffle(samples).slice(0, most));
  return samples.filter(sample => chosen.has(sample));
}

/** The metrics of the network as it is now on the evaluation split, of which at most `eval_samples` images are taken. */
export async function measure({ options, dataset: whole, session }: TrainingRun): Promise<CocoMetrics> {
  const { input, datasetFolder: folder, score, onProgress } = options;
  const {
    model_name,
    image_size: imageSize,
    eval_batch_size: batchSize,
    eval_samples: most,
  } = input.training;
  const chosen = evaluatedSamples(whole.splits.eval, { most, seed: input.seed });
  const dataset = { ...whole, splits: { ...whole.splits, eval: chosen } };
  const recipe = { folder, imageSize, normalisation: familyOf(model_name).normalisation };
  const detections: CocoDetection[] = [];
  const totalSteps = dataset.splits.eval.length;
  let step = 0;
  const batches = evaluationBatches({ dataset, split: 'eval', batchSize, recipe });
  for await (const { images, samples, scales } of batches) {
    const raw = await session.predict(images);
    samples.forEach((sample, i) =>
      detections.push(...cocoDetections(raw, i, { ...sample, scale: scales[i]! })),
    );
    step += samples.length;
    onProgress({ phase: 'validate', step, totalSteps });
    await new Promise(resolve => setImmediate(resolve));
  }
  return score(groundTruthCoco(dataset, 'eval'), detections);
}

/** Archives the checkpoint with its metrics in the layout of google/automl (`utils.archive_ckpt`), and the metrics as JSON. @throws Divergence */
async function archive({ options, state, session }: TrainingRun, metrics: CocoMetrics): Promise<void> {
  const folder = join(options.folder, ARCHIVE);
  const { step } = state;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await saveFinite(checkpointPrefix(folder, step), prefix => session.publish(prefix));
  await writeCheckpointPointer(folder, step);
  await writeFile(join(folder, 'best_eval.txt'), `${pythonDict({ ...metrics, step })}\n`);
  await writeFile(join(folder, 'best_eval.json'), `${JSON.stringify({ ...metrics, step }, null, 2)}\n`);
  await writeFile(join(folder, 'best_objective.txt'), `${metrics.AP}\n`);
}

/** A dictionary as Python prints it. */
const pythonDict = (values: Readonly<Record<string, number>>): string =>
  `{${Object.entries(values)
    .map(([name, value]) => `'${name}': ${value}`)
    .join(', ')}}`;
