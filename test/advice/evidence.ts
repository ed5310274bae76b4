import type { AdviceInput, Evidence } from '../../src/advice/rule.js';
import type { Report } from '../../src/formats/report.js';
import type { Suggestion } from '../../src/formats/suggestions.js';
import type { TrainingHistory } from '../../src/formats/training-history.js';
import { parseRunConfig, type RunConfig } from '../../src/config/run.js';

type Deep<T> = {
  [K in keyof T]?: T[K] extends readonly (infer E)[]
    ? readonly (E extends object ? Deep<E> : E)[]
    : T[K] extends object | null
      ? Deep<T[K]>
      : T[K];
};

export function configWith(change: {
  hparams?: Partial<RunConfig['student']['hparams']>;
  distillation?: Partial<RunConfig['distillation']>;
  data?: Partial<RunConfig['data']>;
  student?: Record<string, unknown>;
  teacher?: { model_name: string } | null;
}): RunConfig {
  return parseRunConfig(
    {
      name: 'advised',
      data: { train: 'images', ...change.data },
      teacher: change.teacher === undefined ? { model_name: 'efficientdet-d2' } : change.teacher,
      student: { model_name: 'efficientdet-d0', hparams: change.hparams ?? {}, ...change.student },
      distillation: change.distillation ?? {},
    },
    'test',
  );
}

const metrics = {
  AP: 0.4,
  AP50: 0.65,
  AP75: 0.42,
  APs: 0.2,
  APm: 0.4,
  APl: 0.5,
  AR1: 0.3,
  AR10: 0.5,
  AR100: 0.55,
  ARs: 0.3,
  ARm: 0.5,
  ARl: 0.6,
};

const healthyReport: Report = {
  model: { name: 'efficientdet-d0', image_size: [512, 512], engine: 'onnxruntime' },
  classes: ['cat', 'dog', 'fox'],
  counts: { images: 1000, boxes: 5000, detections: 9000 },
  training: { images: 4000, boxes: 27_000, boxesPerClass: { cat: 10_000, dog: 9000, fox: 8000 } },
  deployed: { scoreThreshold: 0.3 },
  suppression: null,
  metrics,
  confidence: { low: 0.64, high: 0.66, level: 0.95, resamples: 500 },
  test: null,
  perClass: ['cat', 'dog', 'fox'].map((name, i) => ({
    ...metrics,
    categoryId: i + 1,
    name,
    boxes: 1600,
    correct: 1200,
    shown: 1500,
  })),
  curves: [
    { categoryId: 1, iou: 0.5, precision: Array.from({ length: 101 }, (_, i) => 1 - i / 100), scores: [] },
  ],
  operatingCurve: Array.from({ length: 51 }, (_, i) => ({
    threshold: i / 50,
    precision: 0.8,
    recall: 0.7,
    f1: 0.75 - Math.abs(i / 50 - 0.31) / 2,
    accuracy: 0.6,
  })),
  errors: {
    best: { threshold: 0.31, precision: 0.8, recall: 0.7, f1: 0.75, accuracy: 0.6 },
    counts: { cls: 200, loc: 250, both: 100, dup: 30, bkg: 200, miss: 300 },
    shares: { cls: 0.185, loc: 0.23, both: 0.09, dup: 0.03, bkg: 0.185, miss: 0.28 },
    correct: 3600,
    lost: { cls: 300, loc: 300, bkg: 800 },
    deltaAP50: { cls: 0.04, loc: 0.06, both: 0.01, dup: 0.01, bkg: 0.04, miss: 0.08 },
    confusions: [{ truth: 1, found: 2, count: 100, share: 0.06 }],
  },
  sizeRecall: [0.6, 0.7, 0.75, 0.75, 0.8].map(recall => ({ from: 0, to: 1, boxes: 1000, recall })),
  images: [],
};

const NOISE = [0, 0.02, -0.01, 0.01, -0.02];

/** 400 steps, 10 an epoch: the loss falls and then stays, with some noise. */
function healthyHistory(): TrainingHistory {
  const evaluations = [0.2, 0.3, 0.36, 0.39, 0.4].map((AP, i) => ({
    step: 80 * (i + 1),
    metrics: { ...metrics, AP },
  }));
  const points = Array.from({ length: 400 }, (_, step) => {
    const level = (0.4 + 1.5 * Math.exp(-step / 40)) * (1 + NOISE[step % 5]!);
    return pointAt(step, {
      cls_loss: level,
      box_loss: 0.5 * level,
      loss_soft_cls: level,
      loss_soft_box: level,
    });
  });
  return { stepsPerEpoch: 10, totalSteps: 400, points, evaluations, warnings: [], rollbacks: [] };
}

type Point = TrainingHistory['points'][number];

const pointAt = (step: number, losses: Record<string, number>): Point => ({
  step,
  losses: { ...losses, loss: (losses.cls_loss ?? 0) + (losses.box_loss ?? 0) },
  learningRate: 0.01,
  gradientNorm: 1,
});

/** Changes what a step logged. */
export const historyWith = (
  change: (losses: Point['losses'], step: number) => Record<string, number | null>,
  rest: Partial<TrainingHistory> = {},
): TrainingHistory => {
  const healthy = healthyHistory();
  const points = healthy.points.map(point => ({
    ...point,
    losses: { ...point.losses, ...change(point.losses, point.step) },
  }));
  return { ...healthy, points, ...rest };
};

export const evaluationsOf = (APs: readonly number[]): TrainingHistory['evaluations'] =>
  APs.map((AP, i) => ({ step: 80 * (i + 1), metrics: { ...metrics, AP } }));

export function reportWith({ errors, metrics: changed, ...rest }: Deep<Report>): Report {
  const merged = {
    ...healthyReport,
    ...rest,
    metrics: { ...healthyReport.metrics, ...changed },
    errors: {
      ...healthyReport.errors,
      ...errors,
      counts: { ...healthyReport.errors.counts, ...errors?.counts },
      shares: { ...healthyReport.errors.shares, ...errors?.shares },
      deltaAP50: { ...healthyReport.errors.deltaAP50, ...errors?.deltaAP50 },
    },
  };
  return merged as Report; // every part is the healthy one with some of it replaced
}

interface Changes {
  readonly config?: Parameters<typeof configWith>[0];
  readonly report?: Deep<Report>;
  readonly student?: Partial<Evidence>;
  readonly teacher?: Partial<Evidence> | null;
}

/** A run in which all went well, with something changed. */
export function runWith({ config = {}, report = {}, student, teacher }: Changes): AdviceInput {
  const taught = {
    report: reportWith({ metrics: { AP: 0.46, AP50: 0.7, AP75: 0.48 } }),
    history: healthyHistory(),
  };
  return {
    config: configWith(config),
    student: { report: reportWith(report), history: healthyHistory(), ...student },
    teacher: teacher === null ? null : { ...taught, ...teacher },
  };
}

/** The run's configuration with the changes of suggestions, checked like any other. */
export const configAfter = (config: RunConfig, suggestions: readonly Suggestion[]): RunConfig =>
  suggestions
    .flatMap(({ patch }) => Object.entries(patch))
    .reduce(
      (changed, [path, value]) => parseRunConfig(withValue(changed, path.split('.'), value), path),
      config,
    );

function withValue(node: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const record = node as Record<string, unknown>; // the inner keys of a path name objects
  return { ...record, [key]: withValue(record[key], rest, value) };
}
