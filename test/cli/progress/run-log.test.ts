import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { createRunLog } from '../../../src/cli/progress/run-log.js';
import { NOW, running, stage, TRAINING, viewOf } from '../run-view.js';

const open = () => createRunLog(pc.createColors(false));
const training = (rest = {}) =>
  viewOf([stage('train-teacher', 'running', { startedAt: NOW })], [running('train-teacher', rest)]);

describe('the log of a run', () => {
  it('tells each change once', () => {
    const { linesOf } = open();
    const looks = [
      viewOf([stage('clean', 'running'), stage('train-teacher', 'waiting')]),
      viewOf([stage('clean', 'running'), stage('train-teacher', 'waiting')]),
      viewOf([stage('clean', 'done', { seconds: 3 }), stage('train-teacher', 'running')]),
      viewOf([stage('clean', 'done', { seconds: 3 }), stage('train-teacher', 'paused')]),
    ];
    expect(looks.map(view => linesOf(view, NOW))).toEqual([
      ['clean: started'],
      [],
      ['clean: done, 3 s', 'train-teacher: started'],
      ['train-teacher: paused'],
    ]);
  });

  it('tells how far a stage is every 15 seconds, not before its first step', () => {
    const { linesOf } = open();
    linesOf(training({ progress: { ...TRAINING, step: 0 } }), NOW);
    const at = (seconds: number): string[] => linesOf(training({ progress: TRAINING }), NOW + seconds * 1000);
    const line =
      'train-teacher: train 230/460 · 15 images/s · 1 min 36 s left · loss 1.204  cls_loss 0.6101  box_loss 0.4022  loss_soft_cls 0.03110 · best AP 0.081 at step 184';
    expect([at(1), at(2), at(15), at(16)]).toEqual([[line], [], [], [line]]);
  });

  it('tells notes and new attempts once, in the order they came', () => {
    const { notesOf } = open();
    const note = 'ImageNet weights of EfficientNet-lite2: 315 tensors adopted';
    const looks = [
      training({ progress: { ...TRAINING, note } }),
      training({ progress: { ...TRAINING, note } }),
      training({
        attempt: 2,
        lastFailure: 'killed',
        progress: { ...TRAINING, note: 'goes on from step 200' },
      }),
    ];
    expect(looks.map(notesOf)).toEqual([
      [`train-teacher: ${note}`],
      [],
      ['train-teacher: attempt 2, after: killed', 'train-teacher: goes on from step 200'],
    ]);
  });

  it('tells once that a stage waits for a worker', () => {
    const { linesOf } = open();
    const at = (seconds: number): string[] => linesOf(training(), NOW + seconds * 1000);
    expect([at(0), at(10), at(20), at(60)]).toEqual([
      ['train-teacher: started'],
      [],
      ['train-teacher: waiting for a worker'],
      [],
    ]);
  });
});
