import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLoudModel } from '../../bench/fixtures/loud-model.js';
import { evaluateModel } from '../../src/evaluation/evaluate.js';
import { type CleanedDataset, type CleanedSample, writeCleanedDataset } from '../../src/formats/dataset.js';
import type { Evaluated } from '../../src/formats/evaluated.js';
import { readReport } from '../../src/formats/report.js';
import { drawImage } from '../data/scene.js';

const SIZE = { width: 96, height: 96 };

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'evaluate-'));
  await writeLoudModel(join(root, 'model'), { model: 'efficientdet-t0', classes: ['cat', 'dog'] });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A sample with boxes that cover much of its image, so that a model without training meets some of them. */
const sampleOf = (imageId: number): CleanedSample => ({
  imageId,
  id: `s${imageId}`,
  image: `images/s${imageId}.png`,
  original: `/s${imageId}.png`,
  ...SIZE,
  boxes: [0, 1].map(classIndex => ({
    box: [4 * imageId, 8, 88, 90],
    classIndex,
    crowd: false,
    difficult: false,
    area: (88 - 4 * imageId) * 82,
  })),
});
const [EVAL, TEST] = [[1, 2].map(sampleOf), [3, 4, 5].map(sampleOf)];

async function evaluate(
  name: string,
  splits: Omit<CleanedDataset['splits'], 'train'>,
): Promise<{ folder: string; result: Evaluated }> {
  const [datasetFolder, folder] = [join(root, name, 'data'), join(root, name, 'report')];
  for (const { imageId, image } of [...splits.eval, ...splits.test]) {
    await mkdir(dirname(join(datasetFolder, image)), { recursive: true });
    const rectangle = [8, 8, 40 + 8 * imageId, 60] as const;
    await drawImage({ ...SIZE, rectangle })
      .png()
      .toFile(join(datasetFolder, image));
  }
  await writeCleanedDataset(datasetFolder, { classes: ['cat', 'dog'], splits: { train: [], ...splits } });
  const result = await evaluateModel({
    modelFolder: join(root, 'model'),
    datasetFolder,
    folder,
    batchSize: 2,
    engine: 'onnxruntime',
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return { folder, result };
}

describe('the evaluation of a model', () => {
  it('measures the test split apart, as if it were evaluated alone', async () => {
    const { folder, result } = await evaluate('both', { eval: EVAL, test: TEST });
    const [report, tested] = [await readReport(folder), await readReport(join(folder, 'test'))];
    const alone = await evaluate('alone', { eval: TEST, test: [] });
    const reportAlone = await readReport(alone.folder);
    expect(reportAlone.metrics.AP).toBeGreaterThan(0);
    expect(result).toEqual({ metrics: report.metrics, test: reportAlone.metrics });
    // What is chosen on a split is not measured on the test split.
    expect(tested).toEqual({ ...reportAlone, suppression: null });
    const { counts, metrics, confidence } = reportAlone;
    expect(report.test).toEqual({ counts, metrics, confidence });
    expect(report.counts).toMatchObject({ images: 2, boxes: 4 });
    expect((await readdir(join(folder, 'test'))).sort()).toEqual([
      'detections.json',
      'ground_truth.json',
      'images',
      'report.json',
    ]);
  });

  it('measures the evaluation split as without a test split', async () => {
    const [both, without] = [
      await evaluate('with', { eval: EVAL, test: TEST }),
      await evaluate('without', { eval: EVAL, test: [] }),
    ];
    expect(without.result).toEqual({ metrics: both.result.metrics, test: null });
    const report = await readReport(without.folder);
    expect(report.test).toBeNull();
    expect({ ...(await readReport(both.folder)), test: null }).toEqual(report);
    expect(await readdir(without.folder)).not.toContain('test');
  });
});
