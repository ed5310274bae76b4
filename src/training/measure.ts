import { familyOf } from '../config/families.js';
import type { Training } from '../config/run.js';
import { evaluationBatches } from '../data/batches.js';
import type { CocoDetection, CocoGroundTruth } from '../formats/coco.js';
import type { CleanedDataset } from '../formats/dataset.js';
import { groundTruthCoco } from '../formats/ground-truth.js';
import { cocoDetections } from '../formats/detections.js';
import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { StageProgress } from '../formats/progress.js';
import type { TrainingSession } from './session.js';

/** COCO metrics: evaluation is another stage, so it is handed in. */
export type Score = (groundTruth: CocoGroundTruth, detections: readonly CocoDetection[]) => CocoMetrics;

interface MeasureOptions {
  readonly dataset: CleanedDataset;
  readonly datasetFolder: string;
  readonly training: Training;
  readonly score: Score;
  readonly onProgress: (progress: StageProgress) => void;
}

/** How good the network is on the evaluation split, as it stands. */
export async function measure(session: TrainingSession, options: MeasureOptions): Promise<CocoMetrics> {
  const { dataset, datasetFolder: folder, training, score, onProgress } = options;
  const { normalisation } = familyOf(training.model_name);
  const recipe = { folder, imageSize: training.image_size, normalisation };
  const batches = evaluationBatches({ dataset, split: 'eval', batchSize: training.eval_batch_size, recipe });
  const detections: CocoDetection[] = [];
  const totalSteps = dataset.splits.eval.length;
  let step = 0;
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
