import { localData } from '../data/bucket.js';
import { cleanDataset } from '../data/cleaning/clean.js';
import type { CleanInput, CleanResult } from './stages.js';
import type { StageEnvironment } from './context.js';
import { keyOf } from './keys.js';
import { reuseOrRun } from './reuse.js';

/** Reads, checks and repairs a data set; the artifact is the cleaned one. */
export async function clean(input: CleanInput, environment: StageEnvironment): Promise<CleanResult> {
  const { settings, signal, onProgress } = environment;
  const options = { ...settings, signal, onProgress };
  const key = await keyOf('clean', input, options);
  return reuseOrRun({ kind: 'clean', key }, environment, async outFolder => {
    const data = await localData(input.data, options);
    const { classes, splits, dropped, changed } = await cleanDataset({ data, outFolder, signal, onProgress });
    const { train, eval: evaluation, test } = splits;
    const boxes = train.boxes + evaluation.boxes + test.boxes;
    const images = { train: train.images, eval: evaluation.images, test: test.images };
    return { classes, counts: { ...images, boxes, dropped, changed } };
  });
}
