import { describe, expect, it } from 'vitest';
import { parseRunConfig } from '../../src/config/run.js';

const parse = (model_name: string, change: Readonly<Record<string, unknown>> = {}) =>
  parseRunConfig(
    {
      name: 'tiny',
      data: { train: 'images' },
      student: { model_name },
      distillation: { use_online_kd: true },
      ...change,
    },
    'run.yaml',
  );
const refused = (...messages: readonly string[]): Error =>
  expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: `run.yaml:\n${messages.map(message => `  distillation.use_online_kd: ${message}`).join('\n')}`,
  }) as Error;

const TOO_LARGE =
  'efficientdet-d0 cannot learn online; allowed: efficientdet-t0, efficientdet-t1, efficientdet-t2';
const BOTH = 'conflicts with the teacher: a student learns either online or offline; remove the teacher';

describe('a run that distils online', () => {
  it.each(['efficientdet-t0', 'efficientdet-t1', 'efficientdet-t2'])('may train %s', model => {
    const { distillation } = parse(model);
    // Offline distillation is the default that has no effect without a teacher.
    expect(distillation).toMatchObject({ use_online_kd: true, use_offline_kd: true, soft_cls_loss: 'auto' });
  });

  it('may not train another model', () => {
    expect(() => parse('efficientdet-d0')).toThrow(refused(TOO_LARGE));
  });

  it('has no teacher, trained here or elsewhere, used or not', () => {
    const teacher = { model_name: 'efficientdet-d2' };
    expect(() => parse('efficientdet-t0', { teacher })).toThrow(refused(BOTH));
    const use_online_kd = true;
    for (const distillation of [
      { use_online_kd, teacher_model_url: '/teacher/model' },
      { use_online_kd, use_offline_kd: false, teacher_model_url: '/teacher/model' },
    ])
      expect(() => parse('efficientdet-t0', { distillation })).toThrow(refused(BOTH));
  });

  it('hears of both at once', () => {
    const distillation = { use_online_kd: true, teacher_model_url: '/teacher/model' };
    expect(() => parse('efficientdet-d0', { distillation })).toThrow(refused(TOO_LARGE, BOTH));
  });

  it('is the default of no run', () => {
    expect(parse('efficientdet-d0', { distillation: {} }).distillation.use_online_kd).toBe(false);
  });
});

describe('hyperparameters', () => {
  const hparamsOf = (hparams: object) =>
    parse('efficientdet-d0', { distillation: {}, student: { model_name: 'efficientdet-d0', hparams } })
      .student.hparams;

  it('may limit the boxes of an image, and do not by default', () => {
    expect(hparamsOf({})).toMatchObject({ max_instances_per_image: null, min_visibility: 0.25 });
    expect(hparamsOf({ max_instances_per_image: 100 }).max_instances_per_image).toBe(100);
  });

  it('have a jitter from less to more', () => {
    expect(hparamsOf({ jitter_min: 0.8, jitter_max: 0.8 })).toMatchObject({ jitter_min: 0.8 });
    expect(() => hparamsOf({ jitter_min: 1.5, jitter_max: 0.5 })).toThrow(
      'student.hparams.jitter_min: must not be larger than jitter_max, which is 0.5; found 1.5',
    );
    // Against the default of the other one, too.
    expect(() => hparamsOf({ jitter_min: 2.5 })).toThrow('jitter_max, which is 2; found 2.5');
  });
});

describe('views that a teacher answers once', () => {
  const viewsOf = (teacher_views: unknown, distillation: object = {}) =>
    parse('efficientdet-t0', { distillation: { teacher_views, ...distillation } }).distillation.teacher_views;

  it('are none unless asked for', () => {
    expect(parse('efficientdet-d0', { distillation: {} }).distillation.teacher_views).toBe(0);
    expect(viewsOf(4)).toBe(4);
  });

  it.each([-1, 1.5, 'four'])('are not %s', views => {
    expect(() => viewsOf(views)).toThrow(/distillation\.teacher_views: /);
  });

  it('are of no use to a branch that learns', () => {
    expect(viewsOf(0, { use_online_kd: true })).toBe(0);
    expect(() => viewsOf(4, { use_online_kd: true })).toThrow(
      'distillation.teacher_views: conflicts with use_online_kd',
    );
  });
});
