import { describe, expect, it } from 'vitest';
import { advise, RULES } from '../../src/advice/advise.js';
import type { AdviceInput } from '../../src/advice/rule.js';
import type { Backoff, TrainingHistory } from '../../src/formats/training-history.js';
import { configAfter, evaluationsOf, historyWith, reportWith, runWith } from './evidence.js';

interface Sick {
  readonly id: string;
  readonly what: string;
  readonly input: AdviceInput;
  readonly patch: Record<string, unknown>;
}

const shares = (share: Record<string, number>): AdviceInput =>
  runWith({ report: { errors: { shares: { cls: 0, loc: 0, both: 0, dup: 0, bkg: 0, miss: 0, ...share } } } });

const withHparams = (hparams: object, share: Record<string, number>): AdviceInput => ({
  ...shares(share),
  config: runWith({ config: { hparams } }).config,
});

const rollback = (lowered: Partial<Backoff>): TrainingHistory['rollbacks'][number] => ({
  step: 9,
  reason: 'loss is NaN',
  to: 5,
  backoff: { learning_rate: 1, distillation: 1, ...lowered },
});

const ONLINE = {
  teacher: null,
  student: { model_name: 'efficientdet-t0' },
  distillation: { use_online_kd: true },
} as const;

const SICK: readonly Sick[] = [
  {
    id: 'E1',
    what: 'location errors dominate',
    input: shares({ loc: 0.5 }),
    patch: { 'student.hparams.box_loss_weight': 75 },
  },
  {
    id: 'E1',
    what: 'and the weight is at the end of its range',
    input: withHparams({ box_loss_weight: 150 }, { loc: 0.5 }),
    patch: {},
  },
  {
    id: 'E2',
    what: 'class errors dominate at one scale',
    input: withHparams({ jitter_min: 0.9, jitter_max: 1.1 }, { cls: 0.5 }),
    patch: { 'student.hparams.jitter_min': 0.5, 'student.hparams.jitter_max': 1.5 },
  },
  {
    id: 'E2',
    what: 'class errors dominate at many scales',
    input: shares({ cls: 0.5 }),
    patch: { 'student.hparams.label_smoothing': 0.05 },
  },
  {
    id: 'E3',
    what: 'background is detected',
    input: shares({ bkg: 0.5 }),
    patch: { 'student.hparams.gamma': 2 },
  },
  {
    id: 'E3',
    what: 'background is detected although it counts little',
    input: withHparams({ gamma: 2 }, { bkg: 0.5 }),
    patch: { 'student.hparams.alpha': 0.2 },
  },
  {
    id: 'E4',
    what: 'objects of all sizes are missed',
    input: shares({ miss: 0.7 }),
    patch: { 'student.num_epochs': 150 },
  },
  {
    id: 'E4',
    what: 'small objects are missed',
    input: runWith({
      report: {
        errors: { shares: { miss: 0.7 } },
        sizeRecall: [0.1, 0.7, 0.7, 0.7, 0.8].map(recall => ({ boxes: 100, recall })),
      },
    }),
    patch: { 'student.image_size': [640, 640] },
  },
  {
    id: 'E4',
    what: 'small objects are missed in a small input',
    input: runWith({
      config: { student: { image_size: 128 } },
      report: {
        errors: { shares: { miss: 0.7 } },
        sizeRecall: [0.1, 0.7, 0.7, 0.7, 0.8].map(recall => ({ boxes: 100, recall })),
      },
    }),
    patch: { 'student.image_size': [160, 160] },
  },
  {
    id: 'E5',
    what: 'duplicates',
    input: shares({ dup: 0.2 }),
    patch: { 'student.hparams.nms_configs.iou_thresh': 0.4 },
  },
  {
    id: 'E1',
    what: 'location errors dominate though an overlap loss is used',
    input: withHparams({ iou_loss_type: 'giou' }, { loc: 0.6 }),
    patch: { 'student.hparams.box_loss_weight': 75, 'student.hparams.iou_loss_weight': 1.5 },
  },
  {
    id: 'C1:fox',
    what: 'a class is rare and weak',
    input: runWith({
      report: {
        training: { boxesPerClass: { cat: 10_000, dog: 9000, fox: 100 } },
        perClass: reportWith({}).perClass.map(row => (row.name === 'fox' ? { ...row, AP: 0.1 } : row)),
      },
    }),
    patch: {},
  },
  {
    id: 'C2:cat→dog',
    what: 'a class is taken for another',
    input: runWith({ report: { errors: { confusions: [{ truth: 1, found: 2, count: 400, share: 0.25 }] } } }),
    patch: {},
  },
  {
    id: 'C3',
    what: 'AP falls fast with tighter boxes',
    input: runWith({ report: { metrics: { AP75: 0.2 } } }),
    patch: { 'student.hparams.box_loss_weight': 75 },
  },
  {
    id: 'T1',
    what: 'another threshold is better',
    input: runWith({
      report: { errors: { best: { threshold: 0.6, precision: 0.8, recall: 0.7, f1: 0.75 } } },
    }),
    patch: {},
  },
  {
    id: 'T2',
    what: 'another suppression is better',
    input: runWith({ report: { suppression: { deployed: 0.5, best: 0.6, gainAP: 0.01, curve: [] } } }),
    patch: { 'student.hparams.nms_configs.iou_thresh': 0.6 },
  },
  {
    id: 'G1',
    what: 'AP fell three times',
    input: runWith({
      student: {
        history: historyWith(() => ({}), { evaluations: evaluationsOf([0.3, 0.4, 0.38, 0.37, 0.36]) }),
      },
    }),
    patch: { 'student.hparams.label_smoothing': 0.05 },
  },
  {
    id: 'G2',
    what: 'the loss still falls',
    input: runWith({
      report: { metrics: { AP50: 0.3, AP75: 0.2 } },
      student: { history: historyWith((_, step) => ({ cls_loss: 2 - step / 250 })) },
    }),
    patch: { 'student.num_epochs': 150 },
  },
  {
    id: 'G2:teacher',
    what: "the teacher's loss still falls",
    input: runWith({
      teacher: {
        report: reportWith({ metrics: { AP: 0.45, AP50: 0.48 } }),
        history: historyWith((_, step) => ({ cls_loss: 2 - step / 250 })),
      },
    }),
    patch: { 'teacher.num_epochs': 150 },
  },
  {
    id: 'G3',
    what: 'the loss was not finite',
    input: runWith({
      config: { data: { do_data_cleaning: false } },
      student: { history: historyWith(({ loss }, step) => ({ loss: step === 200 ? null : loss! })) },
    }),
    patch: {
      'student.hparams.learning_rate': 0.02,
      'student.hparams.clip_gradients_norm': 5,
      'data.do_data_cleaning': true,
    },
  },
  {
    id: 'G3',
    what: 'a step was rolled back, and the learning rate was lowered',
    input: runWith({
      teacher: null,
      student: {
        history: historyWith(() => ({}), {
          rollbacks: [rollback({ learning_rate: 0.5 })],
        }),
      },
    }),
    patch: { 'student.hparams.learning_rate': 0.02, 'student.hparams.clip_gradients_norm': 5 },
  },
  {
    id: 'G4',
    what: 'the class term drowns the box term',
    input: runWith({ student: { history: historyWith(() => ({ cls_loss: 3, box_loss: 0.3 })) } }),
    patch: { 'student.hparams.box_loss_weight': 100 },
  },
  {
    id: 'G4',
    what: 'the box term drowns the class term',
    input: runWith({ student: { history: historyWith(() => ({ cls_loss: 0.1, box_loss: 1 })) } }),
    patch: { 'student.hparams.box_loss_weight': 25 },
  },
  {
    id: 'K1',
    what: 'the teacher knows no more',
    input: runWith({ teacher: { report: reportWith({ metrics: { AP: 0.405 } }) } }),
    patch: { 'distillation.use_offline_kd': false },
  },
  {
    id: 'K1',
    what: 'the teacher knows no more, but still learns',
    input: runWith({
      teacher: {
        report: reportWith({ metrics: { AP: 0.405 } }),
        history: historyWith((_, step) => ({ cls_loss: 2 - step / 250 })),
      },
    }),
    patch: { 'teacher.num_epochs': 150 },
  },
  {
    id: 'K2:soft_cls_loss',
    what: 'the soft class term is heavy',
    input: runWith({ student: { history: historyWith(() => ({ loss_soft_cls: 10 })) } }),
    patch: { 'distillation.soft_cls_loss': 1 },
  },
  {
    id: 'K2:soft_box_loss',
    what: 'the soft box term is very heavy',
    input: runWith({ student: { history: historyWith(() => ({ loss_soft_box: 1000 })) } }),
    patch: { 'distillation.soft_box_loss': 25 },
  },
  {
    id: 'K3',
    what: 'distillation was rolled back',
    input: runWith({
      student: {
        history: historyWith(() => ({}), {
          rollbacks: [rollback({ distillation: 0.5 })],
        }),
      },
    }),
    patch: { 'distillation.soft_cls_loss': 1, 'distillation.soft_box_loss': 100 },
  },
  {
    id: 'K2:soft_box_loss',
    what: 'the soft box term of a student that learns online is heavy',
    input: runWith({
      config: ONLINE,
      teacher: null,
      student: { history: historyWith(() => ({ loss_soft_box: 10 })) },
    }),
    patch: { 'distillation.soft_box_loss': 100 },
  },
  {
    id: 'K3',
    what: 'online distillation was rolled back',
    input: runWith({
      config: ONLINE,
      teacher: null,
      student: {
        history: historyWith(() => ({}), {
          rollbacks: [rollback({ distillation: 0.5 })],
        }),
      },
    }),
    patch: { 'distillation.soft_cls_loss': 1, 'distillation.soft_box_loss': 100 },
  },
  {
    id: 'N1',
    what: 'few evaluation images',
    input: runWith({ report: { counts: { images: 50, boxes: 300 } } }),
    patch: {},
  },
  {
    id: 'N1',
    what: 'a wide interval',
    input: runWith({ report: { confidence: { low: 0.6, high: 0.7 } } }),
    patch: {},
  },
];

describe('rules', () => {
  it('are all silent where all went well', () => {
    expect(advise(runWith({}))).toEqual([]);
  });

  it('are all silent where nothing is known but the numbers', () => {
    const { config, student } = runWith({});
    const empty = { ...student.history, points: [], evaluations: [] };
    const report = reportWith({ training: null, deployed: null, sizeRecall: [] });
    expect(advise({ config, student: { report, history: empty }, teacher: null })).toEqual([]);
  });

  it.each(SICK)('$id speaks where $what', ({ id, input, patch }) => {
    const found = advise(input).find(suggestion => suggestion.id === id);
    expect(found?.patch).toEqual(patch);
    const { evidence, advice, expected, priority } = found!;
    expect(evidence.metric).not.toBe('');
    expect(Number.isFinite(evidence.value) && Number.isFinite(evidence.threshold)).toBe(true);
    expect(advice.en).toMatch(/^\S.*[.)]$/);
    expect(advice.zh).toMatch(/[\u4e00-\u9fff].*。$/);
    expect(priority).toBeCloseTo(expected.gain * expected.confidence, 12);
    expect(expected.gain).toBeGreaterThanOrEqual(0);
    expect(expected.confidence).toBeGreaterThanOrEqual(0);
    expect(expected.confidence).toBeLessThanOrEqual(1);
  });

  it.each(SICK)('$id where $what: its change makes a configuration that parses', ({ id, input, patch }) => {
    const found = advise(input).filter(suggestion => suggestion.id === id);
    const next = configAfter(input.config, found);
    expect(next === input.config).toBe(Object.keys(patch).length === 0);
    expect(next).toMatchObject({ name: input.config.name, seed: input.config.seed, data: { eval: null } });
  });

  it('are each seen speaking above', () => {
    expect(new Set(SICK.map(({ id }) => id.split(':')[0]))).toEqual(new Set(RULES.map(({ id }) => id)));
  });
});
