import { familyOf, type ModelName } from '../src/config/families.js';
import { Training } from '../src/config/run.js';
import { type TrainingBatch, trainingBatches } from '../src/data/batches.js';
import { readCleanedDataset } from '../src/formats/dataset.js';

interface BatchOptions {
  /** The folder of a cleaned data set. */
  readonly folder: string;
  readonly model: ModelName;
  readonly batch: number;
  readonly seed: number;
  readonly steps: number;
}

/** The batches of a training with the default hyper-parameters. */
export async function* batchesOf({
  folder,
  model,
  batch,
  seed,
  steps,
}: BatchOptions): AsyncGenerator<TrainingBatch> {
  yield* trainingBatches({
    folder,
    dataset: await readCleanedDataset(folder),
    training: Training.parse({ model_name: model, train_batch_size: batch }),
    family: familyOf(model),
    ...{ seed, views: 0, startStep: 0, totalSteps: steps },
  });
}
