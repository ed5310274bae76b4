/** Measured program: computes the twelve COCO metrics of two files. */
import { readDetections, readGroundTruth } from '../../src/evaluation/coco-files.js';
import { cocoMetrics } from '../../src/evaluation/coco.js';
import { answerLines } from './answer.js';
import { ownVersions } from './versions.js';

interface Files {
  readonly truth: string;
  readonly found: string;
}

await answerLines<Files>(async files => ({
  about: await ownVersions(null),
  run: async () => {
    const started = performance.now();
    const truth = await readGroundTruth(files.truth);
    const { metrics } = cocoMetrics(truth, await readDetections(files.found, truth));
    return { ms: performance.now() - started, metrics: Object.values(metrics) };
  },
}));
