import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cleaning } from '../config/cleaning.js';
import { familyOf } from '../config/families.js';
import type { SoftWeights } from '../config/run.js';
import { trainingBatches } from '../data/batches.js';
import { anchorFit, describeFit } from '../data/cleaning/anchor-fit.js';
import type { CleanedDataset } from '../formats/dataset.js';
import { anchorOptions, createAnchors } from '../detection/anchors.js';
import { errors } from '../errors/index.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import { auxiliarySpecs } from '../model/auxiliary.js';
import { variableSpecs } from '../model/efficientdet.js';
import { hasNvidiaGpu } from '../native/libtensorflow.js';
import type { ArtifactRef } from '../formats/artifact.js';
import type { CocoMetrics } from '../formats/coco-metrics.js';
import type { StageProgress } from '../formats/progress.js';
import type { TrainInput } from '../formats/stage-io.js';
import type { Settings } from '../settings.js';
import type { ArtifactStore } from '../store/artifact-store.js';
import { commitCheckpoint, newestCheckpoint } from '../store/checkpoints.js';
import { AnswerCache } from './answer-cache.js';
import { archiveBest } from './archive.js';
import { checkpointPrefix, readState, type TrainingState, writeSnapshot } from '../formats/training-state.js';
import { type Beginning, findBeginning } from './beginning.js';
import { bestCount } from './best-answers.js';
import { watchDivergence } from './divergence.js';
import { type EventWriter, openEvents } from './events.js';
import { measure, type Score } from './measure.js';
import { PREVIOUS, previousSpecs } from './online.js';
import type { Start } from './pretrained.js';
import {
  AUXILIARY_DECAY,
  burnInSteps,
  distillationRamp,
  learningRateAt,
  movingAverageDecay,
  previousShare,
  type ScheduleOptions,
} from './schedule.js';
import { TrainingSession } from './session.js';
import { assertFit, type Teacher } from './teacher.js';
import { Teaching } from './teaching.js';
import { type Done, secondsLeft } from './time-left.js';
import { recordTraining } from './training-program.js';

export interface TrainOptions {
  readonly input: TrainInput;
  readonly stageKey: string;
  /** The cleaned data set. */
  readonly datasetFolder: string;
  readonly teacher: Teacher | null;
  readonly store: ArtifactStore;
  readonly settings: Settings;
  /** Becomes the training artifact; emptied first. */
  readonly folder: string;
  /** Keeps a teacher's answers, and may hold those of an attempt before. */
  readonly answersFolder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
  readonly score: Score;
}

export interface TrainOutcome {
  readonly metrics: CocoMetrics;
  readonly steps: number;
  readonly bestStep: number;
  readonly rollbacks: number;
}

const KEPT_CHECKPOINTS = 2;
const MAX_ROLLBACKS = 3;
/** As many points as a curve needs; a run of days keeps one step in several. */
const MAX_POINTS = 2000;

/** Trains one detector into a folder, from the newest committed checkpoint where there is one. */
export async function trainModel(options: TrainOptions): Promise<TrainOutcome> {
  const trainer = await Trainer.open(options);
  try {
    await trainer.start();
    while (trainer.step < trainer.totalSteps) await trainer.runUntilRollback();
    return await trainer.finish();
  } finally {
    await trainer.close();
  }
}

class Trainer {
  #state: TrainingState;
  #lastCommit = Date.now();
  #lastCheckpoint: { step: number; artifact: ArtifactRef } | undefined;
  readonly #divergence = watchDivergence();

  private constructor(
    private readonly options: TrainOptions,
    private readonly beginning: Beginning,
    private readonly session: TrainingSession,
    private readonly events: EventWriter,
  ) {
    this.#state = beginning.state;
  }

  static async open(options: TrainOptions): Promise<Trainer> {
    const { input, folder, onProgress } = options;
    onProgress({ phase: 'start', step: 0, totalSteps: 0 });
    const { training, teacher, online } = input;
    const beginning = await findBeginning(options);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const program = `${folder}.program`;
    const recorded = recordTraining({
      modelName: training.model_name,
      numClasses: beginning.dataset.classes.length,
      imageSize: training.image_size,
      trainBatchSize: training.train_batch_size,
      evalBatchSize: training.eval_batch_size,
      hparams: training.hparams,
      teacher: teacher && options.teacher && { frozen: options.teacher.frozen, isFed: teacher.views > 0 },
      online: online && { hasPrevious: beginning.state.has_previous },
      precision: beginning.state.precision,
      compiles: !hasNvidiaGpu(),
    });
    await recorded.write(program);
    await writeFile(join(folder, 'graph.pbtxt'), recorded.textOf('predict'));
    await loadTensorFlow();
    const events = await openEvents(folder);
    const session = new TrainingSession(program, training.image_size);
    return new Trainer(options, beginning, session, events);
  }

  get dataset(): CleanedDataset {
    return this.beginning.dataset;
  }
  get step(): number {
    return this.#state.step;
  }
  get totalSteps(): number {
    return this.#state.history.totalSteps;
  }
  get #views(): number {
    return this.options.input.teacher?.views ?? 0;
  }
  get #schedule(): ScheduleOptions {
    const { hparams, train_batch_size: batchSize } = this.options.input.training;
    const { stepsPerEpoch: perEpoch, totalSteps } = this.#state.history;
    return { hparams, batchSize, stepsPerEpoch: perEpoch, totalSteps };
  }

  /** From the newest checkpoint, or fresh: initial values, weights from elsewhere, the teacher's entrance test. */
  async start(): Promise<void> {
    const { checkpoint, notes, start } = this.beginning;
    for (const note of notes) this.#note(note);
    if (start) return this.#startFresh(start);
    const { folder } = this.options;
    await cp(checkpoint.folder, folder, { recursive: true });
    this.#lastCheckpoint = { step: checkpoint.step, artifact: checkpoint.artifact };
    await this.session.restore(checkpointPrefix(folder, this.step));
    this.#report('restore', { note: `goes on from step ${this.step}` });
  }

  async #startFresh({ adoption }: Start): Promise<void> {
    const { training, seed, online } = this.options.input;
    const network = { family: familyOf(training.model_name), numClasses: this.dataset.classes.length };
    await this.session.initialize(seed);
    const values = new Map(adoption?.values);
    const specs = variableSpecs(network);
    if (online) specs.push(...auxiliarySpecs(network));
    if (this.#state.has_previous)
      for (const spec of previousSpecs(network)) {
        values.set(spec.name, values.get(spec.name.slice(PREVIOUS.length))!);
        specs.push(spec);
      }
    await this.session.adopt(values, specs);
    this.#noteAnchors();
    if (this.options.teacher) await this.#examine(this.options.teacher);
    if (this.#state.has_previous && !(await this.#answersFinitely()))
      throw errors.previousUnfit(training.pretrained);
    await this.#commit();
  }

  /** What cleaning says of a detector's anchors (L14), where the detector is known: the cleaned data do not depend on it. */
  #noteAnchors(): void {
    const { model_name, hparams, image_size: imageSize } = this.options.input.training;
    const anchors = anchorOptions(familyOf(model_name), hparams.aspect_ratios);
    const { min_anchor_iou, max_anchor_misses } = Cleaning.parse({});
    const fit = anchorFit(this.dataset, { anchors, imageSize }, min_anchor_iou);
    if (fit.missed > max_anchor_misses * fit.boxes) this.#note(describeFit(fit, min_anchor_iou));
  }

  async #examine(teacher: Teacher): Promise<void> {
    const { AP: studentAP } = await this.#measure();
    const isFinite = await this.#answersFinitely();
    const { model_name, hparams } = this.options.input.training;
    const anchors = anchorOptions(familyOf(model_name), hparams.aspect_ratios);
    assertFit(teacher, { classes: this.dataset.classes, anchors, studentAP, isFinite });
  }

  /** Whether what teaches and does not learn has finite answers to a first batch. */
  async #answersFinitely(): Promise<boolean> {
    let isFinite = true;
    for await (const { images } of this.#batches(1)) isFinite &&= await this.session.probeTeacher(images);
    return isFinite;
  }

  #batches(limit = this.totalSteps): ReturnType<typeof trainingBatches> {
    const { input, datasetFolder: folder } = this.options;
    const { training, seed } = input;
    return trainingBatches({
      folder,
      dataset: this.dataset,
      training,
      family: familyOf(training.model_name),
      seed,
      views: this.#views,
      startStep: this.step,
      totalSteps: limit,
      onNote: note => this.#note(note),
    });
  }

  async #openTeaching(): Promise<Teaching> {
    const { input, answersFolder } = this.options;
    const { model_name, hparams, image_size: imageSize } = input.training;
    const { count } = createAnchors(anchorOptions(familyOf(model_name), hparams.aspect_ratios), imageSize);
    const shape = { kept: bestCount(count), numClasses: this.dataset.classes.length };
    return new Teaching({
      cache: await AnswerCache.open(answersFolder, shape),
      ask: images => this.session.teacherAnswers(images),
      onNote: note => this.#note(note),
    });
  }

  /** Steps until the end, or until one has to be undone. */
  async runUntilRollback(): Promise<void> {
    const { training } = this.options.input;
    const teaching = this.#views > 0 ? await this.#openTeaching() : null;
    const startedAt = Date.now();
    const startedStep = this.step;
    let problem: string | null = null;
    for await (const batch of this.#batches()) {
      await this.#stopIfAsked();
      const learningRate = this.#learningRate();
      const answers = teaching && (await teaching.answersTo(batch));
      const values = await this.session.step(batch, this.#scalars(learningRate), answers);
      problem = this.#divergence.problemOf(values);
      if (problem) break;
      this.#state.step++;
      this.#log(values, learningRate);
      const done = { steps: this.step - startedStep, seconds: (Date.now() - startedAt) / 1000 };
      this.#report('train', {
        losses: lossesOf(values),
        learningRate,
        itemsPerSecond: (training.train_batch_size * done.steps) / done.seconds,
        secondsLeft: this.#secondsLeft({ ...done, asked: teaching?.asked ?? { steps: 0, seconds: 0 } }),
      });
      const epochIsOver = this.step % this.#state.history.stepsPerEpoch === 0;
      if (this.options.input.mode === 'train_and_eval' && epochIsOver && this.step < this.totalSteps)
        await this.#evaluate();
      if (
        this.step < this.totalSteps &&
        Date.now() - this.#lastCommit >= training.checkpoint_interval_seconds * 1000
      )
        await this.#commit();
    }
    if (problem) await this.#rollBack(problem);
  }

  #secondsLeft(done: Done): number {
    const { step, totalSteps } = this;
    const shownFirst = Math.min(this.#views * this.#state.history.stepsPerEpoch, totalSteps);
    return secondsLeft(done, { steps: totalSteps - step, toAsk: Math.max(0, shownFirst - step) });
  }

  /** What the terms of distillation weigh; null: nothing is distilled. */
  get #softWeights(): SoftWeights | null {
    const { teacher, online } = this.options.input;
    return teacher?.distillation ?? online;
  }

  /** Distillation is careful with its own weights; without it, care slows the learning down. */
  #learningRate(): number {
    const rate = learningRateAt(this.step, this.#schedule);
    return this.#softWeights ? rate : rate * this.#state.caution;
  }

  #scalars(learningRate: number): Parameters<TrainingSession['step']>[1] {
    const { seed, training, online } = this.options.input;
    const burnIn = online && !this.#state.has_previous ? burnInSteps(this.#schedule) : 0;
    const soft = this.#state.caution * distillationRamp(this.step, this.#schedule, burnIn);
    const { soft_cls_loss = 0, soft_box_loss = 0 } = this.#softWeights ?? {};
    const averageDecay = movingAverageDecay(training.hparams.moving_average_decay, this.step);
    return {
      learningRate,
      softClsWeight: soft_cls_loss * soft,
      softBoxWeight: soft_box_loss * soft,
      averageDecay,
      auxiliaryDecay: movingAverageDecay(AUXILIARY_DECAY, this.step),
      previousShare: previousShare(this.step, this.#schedule),
      seed,
    };
  }

  /** Back to the last checkpoint, half as daring. */
  async #rollBack(reason: string): Promise<void> {
    const { rollbacks } = this.#state.history;
    const step = this.step;
    if (rollbacks.length >= MAX_ROLLBACKS)
      throw errors.diverged({ step, rollbacks: rollbacks.length, reason });
    const { store, stageKey } = this.options;
    const { checkpoint, skipped } = await newestCheckpoint(store, stageKey);
    if (!checkpoint) throw errors.checkpointsLost(step, skipped);
    const saved = await readState(checkpoint.folder);
    const caution = this.#state.caution / 2;
    this.#state = {
      ...saved,
      caution,
      history: { ...saved.history, rollbacks: [...rollbacks, { step, reason, softScale: caution }] },
    };
    this.#divergence.reset();
    await this.session.restore(checkpointPrefix(checkpoint.folder, saved.step));
    // Committed: a crash must not bring the boldness back.
    await this.#commit();
    const lowered = this.#softWeights ? 'distillation weights' : 'learning rate';
    this.#note(`step ${step}: ${reason}; back to step ${saved.step} with ${lowered} × ${caution}`);
  }

  async #stopIfAsked(): Promise<void> {
    // Lets messages in: a step itself never yields.
    await new Promise(resolve => setImmediate(resolve));
    if (!this.options.signal.aborted) return;
    await this.#commit();
    throw errors.stopped(this.step);
  }

  #measure(): Promise<CocoMetrics> {
    const { input, ...options } = this.options;
    return measure(this.session, { ...options, dataset: this.dataset, training: input.training });
  }

  /** Measures; the best so far goes into the archive. */
  async #evaluate(): Promise<void> {
    const metrics = await this.#measure();
    this.#state.history.evaluations.push({ step: this.step, metrics });
    this.events.scalars(
      this.step,
      Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`eval/${name}`, value])),
    );
    if (this.#state.best && metrics.AP < this.#state.best.metrics.AP!) return;
    this.#state.best = { step: this.step, metrics: { ...metrics } };
    await archiveBest(this.options.folder, {
      step: this.step,
      metrics,
      save: prefix => this.session.publish(prefix),
    });
  }

  /** The folder as it is now becomes the checkpoint of this step: committed first, announced after. */
  async #commit(): Promise<void> {
    const { store, stageKey, folder } = this.options;
    this.#report('checkpoint');
    await this.#write(prefix => this.session.save(prefix));
    const artifact = await commitCheckpoint(store, stageKey, {
      step: this.step,
      folder,
      keep: KEPT_CHECKPOINTS,
    });
    this.#lastCheckpoint = { step: this.step, artifact };
    this.#lastCommit = Date.now();
    this.#report('train');
  }

  async #write(save: (prefix: string) => Promise<void>): Promise<void> {
    this.events.flush();
    await writeSnapshot(this.options.folder, this.#state, save);
  }

  async finish(): Promise<TrainOutcome> {
    const { evaluations, rollbacks } = this.#state.history;
    if (evaluations.at(-1)?.step !== this.step) await this.#evaluate();
    await this.#write(prefix => this.session.publish(prefix));
    const best = this.#state.best!;
    // Written by this trainer from a CocoMetrics.
    const metrics = best.metrics as unknown as CocoMetrics;
    return { metrics, steps: this.step, bestStep: best.step, rollbacks: rollbacks.length };
  }

  async close(): Promise<void> {
    this.events.flush();
    await rm(`${this.options.folder}.program`, { recursive: true, force: true });
  }

  #log(values: Readonly<Record<string, number>>, learningRate: number): void {
    const { gradient_norm: gradientNorm, ...losses } = values;
    const every = Math.ceil(this.totalSteps / MAX_POINTS);
    if (this.step % every === 0)
      this.#state.history.points.push({ step: this.step, losses, learningRate, gradientNorm: gradientNorm! });
    this.events.scalars(this.step, { ...values, learning_rate: learningRate });
  }

  #note(note: string): void {
    this.#report('start', { note });
  }

  #report(phase: string, rest: Partial<StageProgress> = {}): void {
    const { step, best, history } = this.#state;
    this.options.onProgress({
      phase,
      step,
      totalSteps: history.totalSteps,
      ...(best && { best: { AP: best.metrics.AP!, step: best.step } }),
      ...(this.#lastCheckpoint && { checkpoint: this.#lastCheckpoint }),
      ...rest,
    });
  }
}

const lossesOf = ({
  gradient_norm: _,
  ...losses
}: Readonly<Record<string, number>>): Record<string, number> => losses;
