import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXPECTED, summarise } from '../../src/cli/commands/demo.js';
import { renderResult } from '../../src/cli/run-result.js';
import type { CocoMetrics } from '../../src/formats/coco-metrics.js';
import type { RunResult } from '../../src/stages/run-status.js';
import { stage } from './run-view.js';

const metrics = (AP: number, AP50: number): CocoMetrics => ({
  ...{ AP75: 0, APs: 0, APm: 0, APl: -1, AR1: 0, AR10: 0, AR100: 0, ARs: 0, ARm: 0, ARl: -1 },
  AP,
  AP50,
});

const RESULT: RunResult = {
  teacher: metrics(0.079, 0.262),
  student: metrics(0.057, 0.2024),
  test: null,
  checkpoints: {
    teacher: {
      best: { step: 460, metrics: metrics(0.079, 0.262) },
      last: { step: 690, metrics: metrics(0.0651, 0.25) },
      evaluations: 3,
    },
    student: {
      best: { step: 690, metrics: metrics(0.057, 0.2024) },
      last: { step: 690, metrics: metrics(0.057, 0.2024) },
      evaluations: 3,
    },
  },
  stages: [stage('clean', 'reused', { seconds: 1.04 }), stage('train-teacher', 'done', { seconds: 260.26 })],
  warnings: { teacher: [], student: ['step 8: loss is NaN; back to step 5 with learning rate × 0.5'] },
  suggestions: [
    {
      id: 'E1',
      severity: 'high',
      advice: { en: 'Raise the weight of the box loss.', zh: '提高边框损失的权重。' },
    },
  ],
  folder: '/runs/demo',
};

describe('renderResult', () => {
  it('shows stages, what was reached beside what was expected, advice and places', () => {
    expect(renderResult(RESULT, { AP50: { teacher: 0.25, student: 0.2 } })).toBe(
      `
stage          state         time
clean          reused         1 s
train-teacher  done    4 min 20 s

            AP   AP50  AP50 expected
teacher  0.079  0.262          0.250
student  0.057  0.202          0.200

These figures are optimistic, as the same evaluation split chose the checkpoint: the data set has no test split.

Checkpoints on the evaluation split:
               step     AP   AP50
teacher, best   460  0.079  0.262
teacher, last   690  0.065  0.250
student, best   690  0.057  0.202
student, last   690  0.057  0.202
The best of 3 evaluations of the teacher is exported; its AP is 0.014 above that of the last step.
The last step of the student is its best one, and is exported.

Warnings:
  student  step 8: loss is NaN; back to step 5 with learning rate × 0.5

Suggestions:
  high  E1  Raise the weight of the box loss.

Output:
  model        /runs/demo/model
  report       /runs/demo/evaluation/report.json
  image        /runs/demo/evaluation/images/detections.png
  suggestions  /runs/demo/suggestions/suggestions.json
  teacher      /runs/demo/teacher`.slice(1),
    );
  });

  it('shows the test split apart from the split that chose the checkpoint', () => {
    const test = { teacher: metrics(0.07, 0.24), student: metrics(0.05, 0.19) };
    const text = renderResult({ ...RESULT, test });
    expect(text).toContain(
      `
student  0.057  0.202

Test split, not used to choose the checkpoint:
            AP   AP50
teacher  0.070  0.240
student  0.050  0.190

Checkpoints`,
    );
    expect(text).not.toContain('optimistic');
  });

  it('calls nothing optimistic that was evaluated once', () => {
    const student = { ...RESULT.checkpoints.student, evaluations: 1 };
    const text = renderResult({ ...RESULT, teacher: null, checkpoints: { teacher: null, student } });
    expect(text).toContain(
      'The data set has no test split. The evaluation split did not choose the checkpoint, as it was evaluated once.',
    );
    expect(text).not.toContain('optimistic');
  });

  it('leaves out what a run without a teacher and without advice does not have', () => {
    const text = renderResult({
      ...RESULT,
      teacher: null,
      warnings: { teacher: [], student: [] },
      checkpoints: { ...RESULT.checkpoints, teacher: null },
      suggestions: [],
    });
    expect(text).not.toMatch(/teacher  [\d.]|expected|Warnings|runs.demo.teacher/);
    expect(text).toContain('No suggestions.');
  });
});

describe('the demo', () => {
  it('tells programs exactly what they read', () => {
    expect(summarise(RESULT)).toEqual({
      teacher: { AP: 0.079, AP50: 0.262 },
      student: { AP: 0.057, AP50: 0.2024 },
      stages: [
        { name: 'clean', state: 'reused', seconds: 1 },
        { name: 'train-teacher', state: 'done', seconds: 260.3 },
      ],
      report: '/runs/demo/evaluation/report.json',
      model: '/runs/demo/model',
    });
  });

  it('expects what its run file promises', async () => {
    const file = await readFile(join(import.meta.dirname, '../../configs/demo.yaml'), 'utf8');
    const promised = /teacher AP50 (\S+), student AP50 (\S+),/.exec(file)?.slice(1).map(Number);
    expect(promised).toEqual([EXPECTED.AP50.teacher, EXPECTED.AP50.student]);
  });
});
