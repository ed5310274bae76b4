import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { advise } from '../../src/advice/advise.js';
import { analysisOf, spread } from '../../src/advice/analysis.js';
import { type ModelAnalysis, type Operator, writeModelAnalysis } from '../../src/formats/model-analysis.js';
import { readSuggestions, writeSuggestions } from '../../src/formats/suggestions.js';
import type { TrainingHistory } from '../../src/formats/training-history.js';
import { evaluationsOf, historyWith, reportWith, runWith } from './evidence.js';

describe('a list of suggestions', () => {
  const input = runWith({
    config: { hparams: { jitter_min: 0.9, jitter_max: 1.1 } },
    report: {
      counts: { images: 50, boxes: 300 },
      metrics: { AP75: 0.1 },
      errors: { shares: { loc: 0.5, cls: 0.4, dup: 0.1 }, deltaAP50: { loc: 0.2, cls: 0.1 } },
    },
  });

  it('has the most promising first, each once', () => {
    const found = advise(input);
    const priorities = found.map(({ priority }) => priority);
    expect(priorities).toEqual([...priorities].sort((a, b) => b - a));
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
    expect(found.length).toBeGreaterThan(3);
  });

  it('lets two change the same key to the same value', () => {
    const found = advise(input).filter(({ rule }) => rule === 'E1' || rule === 'C3');
    expect(found.map(({ patch }) => patch)).toEqual([
      { 'student.hparams.box_loss_weight': 75 },
      { 'student.hparams.box_loss_weight': 75 },
    ]);
  });

  it('leaves a key to the stronger of two that want it otherwise', () => {
    const drowned = runWith({
      report: { errors: { shares: { loc: 0.5 }, deltaAP50: { loc: 0.2 } } },
      student: { history: historyWith(() => ({ cls_loss: 0.1, box_loss: 1 })) },
    });
    const found = advise(drowned);
    expect(found.find(({ id }) => id === 'E1')?.patch).toEqual({ 'student.hparams.box_loss_weight': 75 });
    expect(found.find(({ id }) => id === 'G4')).toMatchObject({ patch: {}, yieldsTo: 'E1' });
  });

  it('weighs no terms of a teacher that it sends away', () => {
    const found = advise(
      runWith({
        teacher: { report: reportWith({ metrics: { AP: 0.1 } }) },
        student: { history: historyWith(() => ({ loss_soft_cls: 10 })) },
      }),
    );
    expect(found.find(({ id }) => id === 'K1')?.patch).toEqual({ 'distillation.use_offline_kd': false });
    expect(found.find(({ rule }) => rule === 'K2')).toMatchObject({ patch: {}, yieldsTo: 'K1' });
  });
});

describe('the analysis for ModelArts', () => {
  const input = runWith({ report: { errors: { shares: { dup: 0.2 } } } });
  const suggestions = advise(input);
  const analysis = analysisOf(input.student, suggestions);

  it('says the same in both languages, under the same names', () => {
    const shapes = (operators: ModelAnalysis['zh-cn']): unknown =>
      Object.entries(operators).map(([name, operator]) => [name, Object.keys(operator)]);
    expect(shapes(analysis['zh-cn'])).toEqual(shapes(analysis['en-us']));
    expect(analysis['zh-cn'].summary?.title).toBe('模型评估摘要');
    expect(JSON.stringify(analysis['en-us'])).not.toMatch(/[\u4e00-\u9fff]/);
  });

  it('has tables whose rows and columns are labelled, and pies that add up', () => {
    for (const operator of Object.values(analysis['en-us'])) {
      for (const { row_labels, col_labels, cell_value } of Object.values(operator.table ?? {})) {
        expect(cell_value.length).toBe(row_labels.length);
        for (const row of cell_value) expect(row.length).toBe(col_labels.length);
      }
    }
    const sumOf = ({ pie_chart }: Operator, name: string): number =>
      pie_chart![name]!.value.reduce((sum, value) => sum + value, 0);
    const { errors } = input.student.report;
    const { miss: _, ...alarms } = errors.counts;
    const shown = errors.correct + Object.values(alarms).reduce((sum, count) => sum + count, 0);
    expect(sumOf(analysis['en-us'].false_detection!, 'false_detection')).toBe(shown);
    expect(sumOf(analysis['en-us'].missed_detection!, 'missed_detection')).toBe(5000);
  });

  it('shows the test split apart from the split that chose the checkpoint', () => {
    const { report, history } = input.student;
    const { counts, confidence } = report;
    const test = { counts, confidence, metrics: { ...report.metrics, AP: 0.31, AP50: 0.52 } };
    const tested = analysisOf({ report: { ...report, test }, history }, suggestions);
    expect(tested['en-us'].test_split).toMatchObject({
      description: 'COCO metrics on the test split, not used to choose the checkpoint.',
      value: { mAP: 0.52, AP: 0.31 },
    });
    expect(tested['en-us'].summary?.value).toMatchObject({ AP: report.metrics.AP });
    const descriptionOf = (evaluations: TrainingHistory['evaluations']): string =>
      analysisOf({ report, history: { ...history, evaluations } }, suggestions)['en-us'].test_split!
        .description;
    expect(descriptionOf(history.evaluations)).toContain(
      'are optimistic, as the same evaluation split chose the checkpoint',
    );
    // One evaluation chooses nothing.
    expect(descriptionOf(evaluationsOf([0.4]))).toBe('There is no test split.');
  });

  it('compares the best checkpoint with the last one', () => {
    const checkpoints = (APs: readonly number[]): Operator => {
      const history = { ...input.student.history, evaluations: evaluationsOf(APs) };
      return analysisOf({ ...input.student, history }, suggestions)['en-us'].checkpoints!;
    };
    const fallen = checkpoints([0.2, 0.4, 0.35]);
    expect(fallen.description).toBe(
      'The best of 3 evaluations is exported; its AP is 0.05 above that of the last step.',
    );
    expect(fallen.table?.checkpoints?.cell_value.map(row => row.slice(0, 2))).toEqual([
      [160, 0.4],
      [240, 0.35],
    ]);
    // Of equals, training keeps the later one.
    expect(checkpoints([0.4, 0.4]).description).toBe('The last step is the best one, and is exported.');
    expect(checkpoints([])).toEqual({ title: 'Best and last checkpoint', description: 'Not trained here.' });
  });

  // The deviations that ModelArts' documentation prints below these recalls.
  it.each([
    [[0.5806, 0.871, 0.9677, 0.9677, 1], 0.1546],
    [[0.9412, 0.8235, 0.7778, 1, 0.8333], 0.0823],
    [[0, 0.8, 1, 0.3333, 0.9091], 0.3811],
    [[0.5714, 1, 0, 1, 0], 0.4481],
  ])('has the published standard deviation of %j', (recalls, expected) => {
    expect(spread(recalls.map(recall => ({ recall })))).toBeCloseTo(expected, 3);
  });

  it('lies beside the suggestions', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'advice-'));
    await writeSuggestions(join(folder, 'new'), suggestions);
    await writeModelAnalysis(join(folder, 'new'), analysis);
    expect(await readdir(join(folder, 'new'))).toEqual(['model_analysis_results.json', 'suggestions.json']);
    expect(await readSuggestions(join(folder, 'new'))).toEqual(suggestions);
    await rm(folder, { recursive: true });
  });
});
