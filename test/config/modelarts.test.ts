import { describe, expect, it } from 'vitest';
import type { ModelName } from '../../src/config/families.js';
import { parseModelArts } from '../../src/config/modelarts.js';

const JOB = {
  data_url: '/data/trees',
  train_url: '/out/trees/V002',
  model_name: 'efficientdet-d0',
  hparams: 'moving_average_decay=0',
};
const parse = (change: Readonly<Record<string, unknown>> = {}, teacher?: ModelName) =>
  parseModelArts({ ...JOB, ...change }, 'parameters', teacher);

describe('a ModelArts job', () => {
  it('becomes a run with the original defaults', () => {
    const { config, warnings } = parse();
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      name: 'trees-v002',
      mode: 'train',
      teacher: null,
      data: { train: '/data/trees', do_data_cleaning: true },
      student: {
        model_name: 'efficientdet-d0',
        train_batch_size: 8,
        eval_batch_size: 8,
        num_epochs: 100,
        hparams: {
          label_smoothing: 0,
          box_loss_weight: 50,
          learning_rate: 0.08,
          lr_warmup_init: 0.008,
          lr_warmup_epoch: 1,
          first_lr_drop_epoch: 200,
          second_lr_drop_epoch: 250,
          moving_average_decay: 0,
        },
      },
      train_url: '/out/trees/V002',
      deps_save_path: null,
    });
  });

  it('takes every parameter as a console writes it', () => {
    const { config } = parse({
      mode: 'train_and_eval',
      train_batch_size: '4',
      eval_batch_size: '2',
      num_epochs: '30',
      do_data_cleaning: 'False',
      hparams:
        'moving_average_decay=0,learning_rate=0.02,label_smoothing=0.1,soft_cls_loss=1,max_instances_per_image=50',
      deps_save_path: '/deps',
      teacher_model_url: '/teacher/model',
      use_offline_kd: 'True',
      soft_box_loss: '0',
    });
    expect(config).toMatchObject({
      mode: 'train_and_eval',
      data: { do_data_cleaning: false },
      student: {
        train_batch_size: 4,
        eval_batch_size: 2,
        num_epochs: 30,
        hparams: { learning_rate: 0.02, label_smoothing: 0.1, max_instances_per_image: 50 },
      },
      distillation: {
        use_offline_kd: true,
        teacher_model_url: '/teacher/model',
        soft_cls_loss: 1,
        soft_box_loss: 0,
      },
      deps_save_path: '/deps',
    });
  });

  it('takes what YAML makes of the same texts', () => {
    expect(
      parse({ do_data_cleaning: false, num_epochs: 3, export_teacher_model: false }).config,
    ).toMatchObject({
      data: { do_data_cleaning: false },
      student: { num_epochs: 3 },
    });
  });

  it('trains a teacher to be', () => {
    const { config } = parse({ model_name: 'efficientdet-d3', export_teacher_model: 'True' });
    expect(config.student.model_name).toBe('efficientdet-d3');
  });

  it('learns online from the version that checkpoint_url names', () => {
    const tiny = { model_name: 'efficientdet-t1', use_online_kd: 'True', soft_cls_loss: '1' };
    const { config, warnings } = parse({ ...tiny, checkpoint_url: '/out/trees/V001' });
    expect(config.student.pretrained).toBe('/out/trees/V001');
    expect(config.distillation).toMatchObject({
      use_offline_kd: false,
      use_online_kd: true,
      teacher_model_url: null,
      soft_cls_loss: 1,
      soft_box_loss: 'auto',
    });
    expect(warnings).toEqual([]);
    expect(parse(tiny).warnings).toEqual([
      'use_online_kd: checkpoint_url is missing, so distillation starts only after the first tenth of the steps',
    ]);
  });

  it.each(['efficientdet-d2', 'efficientdet-d6'] as const)('may be taught by %s', teacher => {
    const { config } = parse({ use_offline_kd: 'True', teacher_model_url: '/t/model' }, teacher);
    expect(config.distillation.teacher_model_url).toBe('/t/model');
  });

  it.each(['efficientdet-d1', 'efficientdet-d7', 'efficientdet-t0'] as const)(
    'is not taught by %s',
    teacher => {
      const job = {
        use_offline_kd: 'True',
        teacher_model_url: '/t/model',
        hparams: 'x=1,moving_average_decay=0',
      };
      const message = `teacher_model_url: ${teacher} cannot be a teacher; allowed: efficientdet-d2 to efficientdet-d6`;
      expect(() => parse(job, teacher)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringMatching(new RegExp(`unknown key x.*${message}`, 's')) as string,
        }) as Error,
      );
    },
  );

  it.each([
    [{ hparams: 'learning_rate=0.1' }, 'hparams: must contain moving_average_decay=0'],
    [{ hparams: 'moving_average_decay=0.9998' }, 'hparams: must contain moving_average_decay=0'],
    [
      { hparams: 'moving_average_decay=0,learnin_rate=1' },
      'unknown key learnin_rate; did you mean learning_rate?',
    ],
    [{ hparams: 'moving_average_decay=0, learning_rate=1' }, 'contains blanks'],
    [{ hparams: 'moving_average_decay=0,learning_rate' }, '"learning_rate" has no "="'],
    [
      { hparams: 'moving_average_decay=0,learning_rate=fast' },
      'student.hparams.learning_rate: Invalid input',
    ],
    [{ model_nam: 'x' }, 'model_nam: unknown key; did you mean model_name?'],
    [{ use_offline_kd: 'Maybe' }, 'use_offline_kd'],
    [{ num_epochs: '0' }, 'num_epochs'],
    [
      { model_name: 'efficientdet-d1', use_offline_kd: 'True', teacher_model_url: '/t' },
      'efficientdet-d1 cannot learn offline',
    ],
    [{ use_offline_kd: 'True' }, 'teacher_model_url: must name the model folder'],
    [{ teacher_model_url: '/t' }, 'use_offline_kd: must be True'],
    [{ use_online_kd: 'True' }, 'distillation.use_online_kd: efficientdet-d0 cannot learn online'],
    [
      {
        use_online_kd: 'True',
        use_offline_kd: 'True',
        teacher_model_url: '/t',
        model_name: 'efficientdet-t0',
      },
      'both are True; only one of them is allowed',
    ],
    [
      { use_online_kd: 'True', teacher_model_url: '/t', model_name: 'efficientdet-t0' },
      'use_offline_kd: must be True if teacher_model_url names a teacher',
    ],
    [{ model_name: 'efficientdet-d7', export_teacher_model: 'True' }, 'efficientdet-d7 cannot be a teacher'],
    [{ model_name: 'efficientdet-d0', export_teacher_model: 'True' }, 'efficientdet-d0 cannot be a teacher'],
  ])('with %j is refused', (change, message) => {
    expect(() => parse(change)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });

  it('lists all mistakes at once', () => {
    expect(() => parse({ hparams: 'x=1', use_offline_kd: 'True' })).toThrow(
      /moving_average_decay=0.*unknown key x.*teacher_model_url/s,
    );
    const job = { use_online_kd: 'True', hparams: 'x=1,learning_rate=0.1' };
    expect(() => parse(job)).toThrow(/moving_average_decay=0.*unknown key x.*cannot learn online/s);
  });

  it('warns of drops that never come', () => {
    expect(parse({ hparams: `${JOB.hparams},first_lr_drop_epoch=20` }).warnings).toEqual([
      'hparams: first_lr_drop_epoch has no effect: lr_decay_method is cosine, not stepwise',
    ]);
    expect(
      parse({
        hparams: `${JOB.hparams},lr_decay_method=stepwise,first_lr_drop_epoch=60,second_lr_drop_epoch=120`,
      }).warnings,
    ).toEqual(['hparams: second_lr_drop_epoch=120 is never reached in 100 epochs']);
  });

  it.each([
    ['/out/Trees of 2024/', 'trees-of-2024'],
    ['s3://bucket/runs/oak/model', 'oak-model'],
    ['/', 'modelarts'],
  ])('whose output is %s is called %s', (train_url, name) => {
    expect(parse({ train_url }).config.name).toBe(name);
  });
});
