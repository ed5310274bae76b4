import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import { Data, type SoftWeights, Training } from '../../src/config/run.js';
import type { CleanedDataset, CleanedSample } from '../../src/formats/dataset.js';
import { anchorOptions } from '../../src/detection/anchors.js';
import { cocoMetrics } from '../../src/evaluation/coco.js';
import { exportModel } from '../../src/export/export.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { nonFiniteTensors, readTfCheckpoint } from '../../src/model/weights/tf-checkpoint.js';
import type { StageProgress } from '../../src/formats/progress.js';
import type { TrainInput } from '../../src/formats/train-io.js';
import { readSettings } from '../../src/settings.js';
import { type ArtifactStore } from '../../src/store/artifact-store.js';
import { commitCheckpoint, newestCheckpoint } from '../../src/store/checkpoints.js';
import { openStore } from '../../src/store/open-store.js';
import { readState } from '../../src/formats/training-state.js';
import { TrainingSession } from '../../src/training/session.js';
import type { Teacher } from '../../src/training/teacher.js';
import { trainModel } from '../../src/training/train.js';
import type { TrainOptions, TrainOutcome } from '../../src/training/training-run.js';

// Each records and trains several programs, on machines of any size.
const SIDE = 64;
const KEY = 'stage';
const WEIGHTS: SoftWeights = { soft_cls_loss: 2, soft_box_loss: 200 };

/** Bright squares on noise: enough to learn from in a few steps. */
async function drawDataset(folder: string): Promise<void> {
  await mkdir(join(folder, 'images'), { recursive: true });
  const sample = async (imageId: number): Promise<CleanedSample> => {
    const [x, y] = [8 + 5 * (imageId % 4), 10 + 7 * (imageId % 3)];
    const image = `images/${imageId}.png`;
    const square = await sharp({ create: { width: 24, height: 24, channels: 3, background: '#f0e020' } })
      .png()
      .toBuffer();
    const ground = sharp({
      create: { width: SIDE, height: SIDE, channels: 3, background: { r: 40, g: 10 * imageId, b: 90 } },
    });
    await ground
      .composite([{ input: square, left: x, top: y }])
      .png()
      .toFile(join(folder, image));
    const boxes = [
      {
        box: [y, x, y + 24, x + 24] as [number, number, number, number],
        classIndex: 0,
        crowd: false,
        difficult: false,
        area: 576,
      },
    ];
    return { imageId, id: String(imageId), image, original: image, width: SIDE, height: SIDE, boxes };
  };
  const samples = await Promise.all(Array.from({ length: 8 }, (_, i) => sample(i + 1)));
  const dataset: CleanedDataset = {
    classes: ['square'],
    splits: { train: samples.slice(0, 6), eval: samples.slice(6), test: [] },
  };
  await writeFile(join(folder, 'dataset.json'), JSON.stringify(dataset));
}

describe('training', () => {
  let shared = '';
  let root = '';
  let store: ArtifactStore;
  const progress: StageProgress[] = [];
  const openStoreIn = (folder: string): ArtifactStore =>
    openStore({
      ...readSettings(),
      storeUrl: pathToFileURL(join(folder, 'store')).href,
      cacheFolder: join(folder, 'cache'),
    });
  beforeAll(async () => {
    shared = await mkdtemp(join(tmpdir(), 'train-shared-'));
    await drawDataset(join(shared, 'data'));
  });
  afterAll(() => rm(shared, { recursive: true, force: true }));
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'train-'));
    store = openStoreIn(root);
    progress.length = 0;
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const training = (changes: object = {}, hparams: object = {}): Training =>
    Training.parse({
      model_name: 'efficientdet-lite0',
      image_size: SIDE,
      train_batch_size: 2,
      eval_batch_size: 2,
      num_epochs: 2, // of 3 steps
      pretrained: 'none',
      checkpoint_interval_seconds: 0.001,
      hparams: { jitter_min: 0.8, jitter_max: 1.2, ...hparams },
      ...changes,
    });

  const tiny = (changes: object = {}, hparams: object = {}): Training =>
    training(
      { model_name: 'efficientdet-t2', checkpoint_interval_seconds: 600, ...changes },
      { learning_rate: 0.4, lr_warmup_init: 0.04, ...hparams },
    );

  function train(
    config: Training,
    {
      online = null,
      views = 0,
      data = Data.parse({ train: 'unused' }),
      mode = 'train',
      ...changes
    }: Partial<TrainOptions> &
      Partial<Pick<TrainInput, 'online' | 'data' | 'mode'>> & { views?: number } = {},
  ): Promise<TrainOutcome> {
    const artifact = { uri: '', sha256: '', bytes: 0 };
    return trainModel({
      input: {
        role: 'student',
        training: config,
        mode,
        seed: 3,
        dataset: artifact,
        data,
        teacher: changes.teacher
          ? { model: artifact, AP: changes.teacher.AP, distillation: WEIGHTS, views }
          : null,
        online,
      },
      stageKey: KEY,
      datasetFolder: join(shared, 'data'),
      teacher: null,
      undistilledAP: null,
      store,
      settings: readSettings(),
      folder: join(root, 'out'),
      teacherCacheFolder: join(root, 'teacher-cache'),
      signal: new AbortController().signal,
      onProgress: report => progress.push(report),
      score: (truth, found) => cocoMetrics(truth, found).metrics,
      ...changes,
    });
  }

  interface Finished {
    readonly folder: string;
    readonly outcome: TrainOutcome;
    readonly notes: readonly string[];
  }
  const finished = new Map<string, Promise<Finished>>();
  /** A training that was never stopped, which several tests start from or compare with. It is made once. */
  function finishedTraining(name: 'lite0' | 't2'): Promise<Finished> {
    const make = async (): Promise<Finished> => {
      const folder = join(shared, name);
      const reported: StageProgress[] = [];
      const outcome = await train(name === 'lite0' ? training() : tiny(), {
        stageKey: name,
        folder,
        store: openStoreIn(shared),
        data: Data.parse({ train: 'unused', cleaning: { min_anchor_iou: 0.999 } }),
        onProgress: report => reported.push(report),
      });
      return { folder, outcome, notes: reported.flatMap(({ note }) => note ?? []) };
    };
    const made = finished.get(name) ?? make();
    finished.set(name, made);
    return made;
  }

  /** Changes what the steps of this test leave or report. @param change gets the number of the step, counted over roll-backs */
  function afterSteps(
    change: (
      session: TrainingSession,
      values: Record<string, number>,
      steps: number,
    ) => Record<string, number> | Promise<Record<string, number>>,
  ): void {
    // oxlint-disable-next-line typescript/unbound-method -- called with its own this
    const { step } = TrainingSession.prototype;
    let steps = 0;
    const spy = vi.spyOn(TrainingSession.prototype, 'step');
    spy.mockImplementation(async function (this: TrainingSession, ...given) {
      return change(this, await step.apply(this, given), ++steps);
    });
    onTestFinished(() => spy.mockRestore());
  }

  const notes = (): string[] => [...new Set(progress.flatMap(({ note }) => note ?? []))];
  const final = (folder: string, step: number) => readTfCheckpoint(join(folder, `model.ckpt-${step}`));

  /** Stops a run when it has done so many steps. */
  async function trainUntil(
    step: number,
    config: Training,
    options: Parameters<typeof train>[1] = {},
  ): Promise<void> {
    const controller = new AbortController();
    const onProgress = (report: StageProgress): void => {
      if (report.phase === 'train' && report.step === step) controller.abort();
    };
    await expect(train(config, { ...options, signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'STOPPED',
      retryable: true,
    });
  }

  it.each([
    ['', training(), undefined],
    [', learning online, too,', training({ model_name: 'efficientdet-t2' }), WEIGHTS],
  ])(
    'that was stopped%s and goes on ends where one that was never stopped does',
    async (_, config, online) => {
      const folder = join(root, 'whole');
      const whole = online
        ? { folder, outcome: await train(config, { stageKey: 'whole', folder, online }) }
        : await finishedTraining('lite0');
      await trainUntil(3, config, { online });
      const outcome = await train(config, { online });
      expect(notes()).toContain('goes on from step 3');
      expect(outcome.steps).toBe(whole.outcome.steps);
      const [a, b] = [await final(whole.folder, 6), await final(join(root, 'out'), 6)];
      expect([...b.keys()]).toEqual([...a.keys()]);
      for (const [name, { values }] of a) {
        const other = b.get(name)!.values;
        // The same batches, learning rates and random numbers: only the order of sums in threads differs.
        const size = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-2);
        expect(
          values.every((value, i) => Math.abs(value - other[i]!) < 2e-2 * size),
          name,
        ).toBe(true);
      }
      const losses = async (folder: string) =>
        (await readState(folder)).history.points.map(({ losses: { loss } }) => loss as number);
      const [first, second] = [await losses(whole.folder), await losses(join(root, 'out'))];
      second.forEach((loss, i) => expect(Math.abs(loss - first[i]!)).toBeLessThan(1e-3 * first[i]!));
    },
  );

  it('leaves checkpoints, the best by AP, events and its history', async () => {
    const { folder, outcome } = await finishedTraining('lite0');
    const names = await readdir(folder);
    expect(names.filter(name => !name.startsWith('events')).sort()).toEqual([
      'archive',
      'checkpoint',
      'graph.pbtxt',
      'model.ckpt-6.data-00000-of-00001',
      'model.ckpt-6.index',
      'training.json',
    ]);
    expect(names.some(name => name.startsWith('events.out.tfevents'))).toBe(true);
    expect(JSON.parse(await readFile(join(folder, 'archive', 'best_eval.json'), 'utf8'))).toEqual({
      ...outcome.metrics,
      step: outcome.bestStep,
    });
    expect(await readFile(join(folder, 'archive', 'best_eval.txt'), 'utf8')).toMatch(/^\{'AP': -?[\d.e-]+, /);
    const { history } = await readState(folder);
    expect(history.points.length).toBe(6);
    expect(history.evaluations).toHaveLength(outcome.evaluations);
    expect(history.evaluations.at(-1)).toEqual({ step: outcome.steps, metrics: outcome.last });
    expect(history.evaluations.find(({ step }) => step === outcome.bestStep)!.metrics).toEqual(
      outcome.metrics,
    );
  });

  it('notes boxes that anchors miss by the limits of the run', async () => {
    const { notes: said } = await finishedTraining('lite0');
    expect(said.filter(note => note.includes('have no anchor with an IoU of 0.999'))).toHaveLength(1);
  });

  it('passes over a damaged checkpoint for the one before, and keeps the precision that it began with', async () => {
    await trainUntil(3, training({ precision: 'bfloat16' }));
    const { checkpoint } = await newestCheckpoint(store, KEY);
    expect((await readState(checkpoint!.folder)).precision).toBe('bfloat16');
    await writeFile(join(checkpoint!.folder, 'model.ckpt-3.index'), 'no index');
    await train(training({ precision: 'float32' }));
    expect(notes().join('\n')).toMatch(/passed over: .*step 3.*\n.*goes on from step 2/s);
    expect((await readState(join(root, 'out'))).precision).toBe('bfloat16');
  });

  it('that diverges slowly, without any value that is not finite, is rolled back, too', async () => {
    const hot = training(
      { num_epochs: 12, checkpoint_interval_seconds: 600 },
      { learning_rate: 3000, lr_warmup_epoch: 0 },
    );
    await expect(train(hot)).rejects.toMatchObject({ code: 'TRAINING_DIVERGED', retryable: false });
    expect(notes().join('\n')).toMatch(
      /more than 20 times its lowest mean .*; back to step 0 with learning rate × 0.5/,
    );
  });

  it('is rolled back where a moving statistic is not finite, which shows in no loss', async () => {
    const network = { family: familyOf('efficientdet-lite0'), numClasses: 1 };
    const spec = variableSpecs(network).find(({ name }) => name.endsWith('moving_variance'))!;
    const spoilt = new Float32Array(spec.shape[0]!).fill(Infinity);
    afterSteps(async (session, values, steps) => {
      if (steps === 5) await session.adopt(new Map([[spec.name, spoilt]]), [spec]);
      return values;
    });
    const { rollbacks, warnings } = await train(training());
    expect(rollbacks).toBe(1);
    expect(warnings).toEqual([`step 5: ${spec.name}: not finite; back to step 4 with learning rate × 0.5`]);
    for (const prefix of ['model.ckpt-6', 'archive/model.ckpt-6'])
      expect(await nonFiniteTensors(join(root, 'out', prefix))).toEqual([]);
  });

  it('that is rolled back has the archive of the state that it returns to', async () => {
    afterSteps((_, values, steps) => (steps === 8 ? { ...values, cls_loss: NaN } : values));
    let evaluations = 0;
    // The evaluation after step 6 is the best, but the newest checkpoint is of step 4.
    const score: TrainOptions['score'] = (truth, found) => {
      const { metrics } = cocoMetrics(truth, found);
      return { ...metrics, AP: [0.1, 0.9, 0.05, 0.02][evaluations++]! };
    };
    const config = training({ num_epochs: 3, checkpoint_interval_seconds: 600 });
    await trainUntil(4, config, { mode: 'train_and_eval', score });
    const outcome = await train(config, { mode: 'train_and_eval', score });
    expect(outcome).toMatchObject({ rollbacks: 1, bestStep: 3, metrics: { AP: 0.1 } });
    expect((await readTfCheckpoint(join(root, 'out', 'archive', 'model.ckpt-3'))).size).toBeGreaterThan(0);
  });

  it('goes back and is more careful when a step is not finite, and gives up after three times', async () => {
    // A clip that clips nothing and a rate that throws every weight away.
    const wild = training(
      { num_epochs: 4, checkpoint_interval_seconds: 600 },
      { learning_rate: 1e12, clip_gradients_norm: 1e30, lr_warmup_epoch: 0 },
    );
    await expect(train(wild)).rejects.toMatchObject({ code: 'TRAINING_DIVERGED', retryable: false });
    expect(notes().filter(note => note.includes('back to step 0')).length).toBe(3);
    const { checkpoint } = await newestCheckpoint(store, KEY);
    const state = await readState(checkpoint!.folder);
    expect(state.history.rollbacks.map(({ backoff }) => backoff)).toEqual(
      [0.5, 0.25, 0.125].map(learning_rate => ({ learning_rate, distillation: 1 })),
    );
    expect(state.history.warnings).toHaveLength(3);
    for (const { values } of (await final(checkpoint!.folder, 0)).values())
      expect(values.every(Number.isFinite)).toBe(true);
  });

  /** Trained for a moment, and said to be perfect. */
  async function makeTeacher(): Promise<Teacher> {
    const { folder } = await finishedTraining('lite0');
    await exportModel({ trainedFolder: folder, imageSize: null, folder: join(root, 'model') });
    const anchors = anchorOptions(familyOf(training().model_name), training().hparams.aspect_ratios);
    const frozen = await readFile(join(root, 'model', 'frozen_graph.pb'));
    return {
      frozen,
      classes: ['square'],
      anchors,
      normalisation: familyOf(training().model_name).normalisation,
      AP: 1,
    };
  }

  it('learns from a teacher in the same program, and refuses one that is no better', async () => {
    const teacher = await makeTeacher();
    await train(training(), { teacher });
    const { losses = {} } = progress.findLast(({ step: at, losses: logged }) => at === 2 && logged)!;
    expect(Object.keys(losses)).toEqual(
      expect.arrayContaining(['loss_soft_cls', 'loss_soft_box', 'cls_loss', 'box_loss', 'l2_loss', 'loss']),
    );
    expect(losses.loss_soft_cls).toBeGreaterThan(0);
    for (const term of ['loss_soft_cls', 'loss_soft_box'])
      expect(losses[`raw_${term}`]! * losses[`weight_${term}`]!).toBeCloseTo(losses[term]!, 5);
    await expect(
      train(training(), { teacher: { ...teacher, AP: -1 }, stageKey: 'other' }),
    ).rejects.toMatchObject({ code: 'TEACHER_UNFIT', retryable: false });
  });

  describe('with a cached teacher', () => {
    const config = training({ num_epochs: 5, checkpoint_interval_seconds: 600 }); // of 3 steps
    const lossesIn = async (folder: string) =>
      (await readState(join(root, folder))).history.points.map(({ losses }) => losses);
    /** The steps in which it ran, and for how many images. */
    const inferred: [step: number, images: number][] = [];
    beforeEach(() => {
      inferred.length = 0;
      // oxlint-disable-next-line typescript/unbound-method -- called with its own this
      const { teacherOutputs } = TrainingSession.prototype;
      vi.spyOn(TrainingSession.prototype, 'teacherOutputs').mockImplementation(function (
        this: TrainingSession,
        images,
      ) {
        const step = progress.findLast(({ phase }) => phase === 'train')?.step ?? 0;
        inferred.push([step, images.length / (SIDE * SIDE * 3)]);
        return teacherOutputs.call(this, images);
      });
    });
    afterEach(() => vi.restoreAllMocks());

    it('runs it in the first epochs only, and ends, stopped and resumed with or without the cache, where an uninterrupted one does', async () => {
      const options = { teacher: await makeTeacher(), views: 2 };
      progress.length = 0;
      await train(config, { ...options, stageKey: 'whole', folder: join(root, 'whole') });
      expect(inferred).toEqual([0, 1, 2, 3, 4, 5].map(step => [step, 2]));
      expect(await readdir(join(root, 'teacher-cache'))).toEqual(['0', '1']);
      const whole = await lossesIn('whole');
      for (const losses of whole.slice(1, 14)) {
        expect(losses.loss_soft_cls).toBeGreaterThan(0);
        expect(losses).toHaveProperty('loss_soft_box');
      }
      progress.length = 0;
      const stopped = { ...options, stageKey: 'kept', teacherCacheFolder: join(root, 'kept') };
      await trainUntil(4, config, stopped);
      // The same checkpoint on a worker without the cache.
      const { checkpoint } = await newestCheckpoint(store, 'kept');
      await commitCheckpoint(store, 'lost', { step: 4, folder: checkpoint!.folder, keep: 1 });
      for (const [stageKey, images] of [
        ['kept', 4],
        ['lost', 12],
      ] as const) {
        [inferred.length, progress.length] = [0, 0];
        await train(config, { ...options, stageKey, teacherCacheFolder: join(root, stageKey) });
        expect(notes()).toContain('goes on from step 4');
        // Steps 4 and 5 show the second view; without the cache, steps 6 to 8 show the first and step 9 what step 3 had shown.
        expect(inferred.map(([, count]) => count).reduce((a, b) => a + b, 0)).toBe(images);
        const gone = await lossesIn('out');
        expect(gone.length).toBe(15);
        gone.forEach(({ loss }, i) => {
          const expected = whole[i]!.loss!;
          expect(Math.abs(loss! - expected)).toBeLessThan(1e-3 * expected);
        });
      }
    });
  });

  describe('online', () => {
    const online = WEIGHTS;
    const losses = async (name: string, folder = 'out'): Promise<number[]> =>
      (await readState(join(root, folder))).history.points.map(
        ({ losses: logged }) => logged[name] as number,
      );
    const namesIn = async (prefix: string): Promise<string[]> => [...(await readTfCheckpoint(prefix)).keys()];

    it('learns from the branch after a burn-in, logs its terms, and publishes the plain model alone', async () => {
      await train(tiny({ num_epochs: 20 }), { online });
      expect(notes().join('\n')).toContain('learns online without a previous version');
      const step = progress.findLast(({ losses: logged }) => logged);
      expect(Object.keys(step!.losses!)).toEqual(
        expect.arrayContaining(['loss_soft_cls', 'loss_soft_box', 'aux_cls_loss', 'aux_box_loss']),
      );
      const soft = await losses('loss_soft_cls');
      const weights = await losses('weight_loss_soft_cls');
      // 60 steps: a tenth of burn-in, whose end the ramp begins at 0, and a silent twentieth.
      for (const silent of [soft.slice(0, 7), soft.slice(57)])
        expect(silent.every(value => value === 0)).toBe(true);
      // In between, the branch teaches where its loss has been lower than the student's.
      const [own, branch] = [await losses('cls_loss'), await losses('aux_cls_loss')];
      let [student, teacher] = [own[0]!, branch[0]!];
      for (let step = 1; step < 60; step++) {
        const isAhead = teacher < student;
        if (step >= 7 && step < 57) expect(weights[step]! > 0, `step ${step}`).toBe(isAhead);
        const decay = (1 + step) / (10 + step);
        student = decay * student + (1 - decay) * own[step]!;
        teacher = decay * teacher + (1 - decay) * branch[step]!;
      }
      for (const name of ['box_loss', 'aux_box_loss']) {
        const values = await losses(name);
        const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
        expect(mean(values.slice(-10)), name).toBeLessThan(0.8 * mean(values.slice(0, 10)));
      }
      const { folder: plainFolder } = await finishedTraining('t2');
      const plain = await namesIn(join(plainFolder, 'model.ckpt-6'));
      expect(plain.filter(name => name.includes('aux/'))).toEqual([]);
      const { best } = await readState(join(root, 'out'));
      for (const prefix of ['model.ckpt-60', `archive/model.ckpt-${best!.step}`])
        expect(await namesIn(join(root, 'out', prefix))).toEqual(plain);
      const shapesOf = async (trainedFolder: string, folder: string) => {
        const model = join(root, folder);
        await exportModel({ trainedFolder, imageSize: null, folder: model });
        const weights = await readTfCheckpoint(join(model, 'variables', 'variables'));
        return [...weights].map(([key, { shape }]) => [key, shape]);
      };
      expect(await shapesOf(join(root, 'out'), 'a')).toEqual(await shapesOf(plainFolder, 'b'));
    });

    it('starts from the given version, which is a teacher from the first step on', async () => {
      const { folder: previous } = await finishedTraining('t2');
      const config = tiny({ pretrained: previous }, { moving_average_decay: 0.9 });
      await train(config, { online });
      expect(notes().join('\n')).not.toContain('without a previous version');
      const soft = await losses('loss_soft_cls');
      expect(soft[0]).toBe(0); // the ramp
      expect(soft[1]).toBeGreaterThan(0);
      const { checkpoint } = await newestCheckpoint(store, KEY);
      const held = await readTfCheckpoint(join(checkpoint!.folder, `model.ckpt-${checkpoint!.step}`));
      const [name, before] = [...(await final(previous, 6))].find(([key]) => key.endsWith('kernel'))!;
      expect(held.get(`previous/${name}`)!.values).toEqual(before.values);
    });

    it('goes on with the version that it began with when that is gone', async () => {
      await cp((await finishedTraining('t2')).folder, join(root, 'previous'), { recursive: true });
      const config = tiny({ pretrained: join(root, 'previous') });
      await trainUntil(3, config, { online });
      await rm(join(root, 'previous'), { recursive: true });
      await train(config, { online });
      expect(notes()).toContain('goes on from step 3');
    });

    it('takes what is no version of it as a start, and says so', async () => {
      const { folder: other } = await finishedTraining('lite0');
      await train(tiny({ pretrained: other }), { online });
      expect(notes().join('\n')).toMatch(/tensors adopted.*learns online without a previous version/s);
    });
  });
});
