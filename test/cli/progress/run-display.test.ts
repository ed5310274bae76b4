import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { renderRun, renderStages } from '../../../src/cli/progress/run-display.js';
import { NOW, running, stage, TRAINING, viewOf } from '../run-view.js';

const plain = { colours: pc.createColors(false), now: NOW };
const ago = (seconds: number): number => NOW - seconds * 1000;

describe('renderRun', () => {
  it('shows every stage, and below the running one how far it is and what it learns', () => {
    const view = viewOf(
      [
        stage('clean', 'reused', { seconds: 3 }),
        stage('train-teacher', 'done', { seconds: 260 }),
        stage('train-student', 'running', { startedAt: ago(75) }),
        stage('advise', 'waiting'),
      ],
      [running('train-student', { progress: TRAINING })],
    );
    expect(renderRun(view, plain)).toBe(
      `
✓ clean          reused
✓ train-teacher  4 min 20 s
▶ train-student  1 min 15 s
    train ██████████░░░░░░░░░░ 230/460 · 15 images/s · 1 min 36 s left
    loss 1.204  cls_loss 0.6101  box_loss 0.4022  loss_soft_cls 0.03110 · best AP 0.081 at step 184
· advise`.slice(1),
    );
  });

  it('says what ended the attempt before', () => {
    const failures = [
      'the trainer process exited unexpectedly (SIGKILL)',
      'Worker is shutting down and so on',
    ];
    const shown = failures.map(lastFailure =>
      renderRun(
        viewOf(
          [stage('clean', 'running', { startedAt: ago(1) })],
          [
            running('clean', {
              attempt: 2,
              lastFailure,
              progress: { phase: 'start', step: 0, totalSteps: 0 },
            }),
          ],
        ),
        plain,
      ),
    );
    expect(shown).toEqual([
      '▶ clean  1 s\n    attempt 2, after: the trainer process exited unexpectedly (SIGKILL)\n    start',
      '▶ clean  1 s\n    attempt 2, after: its worker was stopped\n    start',
    ]);
  });

  it('says that a stage waits until a worker has taken it, while another runs', () => {
    const view = viewOf(
      [
        stage('evaluate-teacher', 'running', { startedAt: ago(60) }),
        stage('train-student', 'running', { startedAt: ago(60) }),
      ],
      [
        running('train-student', { progress: { phase: 'restore', step: 0, totalSteps: 0 } }),
        running('evaluate-teacher'),
      ],
    );
    expect(renderRun(view, plain).split('\n')).toEqual([
      '▶ evaluate-teacher  1 min 00 s',
      '    waiting for a worker',
      '▶ train-student     1 min 00 s',
      '    restore',
    ]);
  });

  it('shows losses that are not finite as they are', () => {
    const progress = { ...TRAINING, losses: { loss: NaN, cls_loss: Infinity }, best: undefined };
    const view = viewOf(
      [stage('train-student', 'running', { startedAt: ago(1) })],
      [running('train-student', { progress })],
    );
    expect(renderRun(view, plain)).toContain('loss NaN  cls_loss Infinity');
  });
});

describe('renderStages', () => {
  it('is a table of names, states and times', () => {
    expect(
      renderStages([
        stage('clean', 'reused', { seconds: 3 }),
        stage('train-student', 'done', { seconds: 401 }),
      ]),
    ).toBe(
      [
        'stage          state         time',
        'clean          reused         3 s',
        'train-student  done    6 min 41 s',
      ].join('\n'),
    );
  });
});
