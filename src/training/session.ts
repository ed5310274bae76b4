import * as tf from '@tensorflow/tfjs-core';
import type { TrainingBatch } from '../data/batches.js';
import type { RawDetections } from '../formats/detections.js';
import { Program } from '../graph/execution.js';
import type { VariableSpec } from '../graph/variables.js';
import type { ImageAnswers } from './answer-cache.js';
import type { BestAnswers } from './best-answers.js';
import { averageSpec } from './optimiser.js';

export interface StepScalars {
  readonly learningRate: number;
  readonly softClsWeight: number;
  readonly softBoxWeight: number;
  readonly averageDecay: number;
  readonly auxiliaryDecay: number;
  readonly previousShare: number;
  readonly seed: number;
}

/** A loaded training program: its steps and its checkpoints. */
export class TrainingSession {
  readonly #program: Program;

  constructor(
    folder: string,
    private readonly imageSize: readonly [number, number],
  ) {
    this.#program = new Program(folder);
  }

  async initialize(seed: number): Promise<void> {
    await this.#with({ seed: tf.tensor1d([seed, 0], 'int32') }, feeds =>
      this.#program.execute('initialize', feeds),
    );
  }

  /** Puts weights in; moving averages start where their variables do, as TensorFlow's own do. */
  async adopt(values: ReadonlyMap<string, Float32Array>, specs: readonly VariableSpec[]): Promise<void> {
    const current = await this.#program.run('values', {});
    const valueOf = ({ name, shape }: VariableSpec): tf.Tensor => {
      const adopted = values.get(name);
      if (!adopted) return current[name]!;
      const fresh = adopted.some(Number.isNaN) ? current[name]!.dataSync<'float32'>() : adopted;
      return tf.tensor(
        adopted.map((value, i) => (Number.isNaN(value) ? fresh[i]! : value)),
        [...shape],
      );
    };
    for (const spec of specs) {
      current[spec.name] = valueOf(spec);
      const average = averageSpec(spec).name;
      if (average in current) current[average] = current[spec.name]!;
    }
    await this.#with(current, feeds => this.#program.execute('adopt', feeds));
  }

  /**
   * One step; values by name, read back once.
   * @param answers a teacher's to the batch, where the program is fed them
   */
  async step(
    batch: TrainingBatch,
    scalars: StepScalars,
    answers: ImageAnswers | null = null,
  ): Promise<Record<string, number>> {
    const [height, width] = this.imageSize;
    const size = batch.numPositives.length;
    const anchors = batch.classTargets.length / size;
    const feeds = {
      images: tf.tensor4d(batch.images, [size, height, width, 3]),
      class_targets: tf.tensor2d(batch.classTargets, [size, anchors], 'int32'),
      box_targets: tf.tensor3d(batch.boxTargets, [size, anchors, 4]),
      num_positives: tf.tensor1d(batch.numPositives),
      learning_rate: tf.scalar(scalars.learningRate),
      soft_cls_weight: tf.scalar(scalars.softClsWeight),
      soft_box_weight: tf.scalar(scalars.softBoxWeight),
      average_decay: tf.scalar(scalars.averageDecay),
      auxiliary_decay: tf.scalar(scalars.auxiliaryDecay),
      previous_share: tf.scalar(scalars.previousShare),
      seed: tf.tensor1d([scalars.seed, batch.step], 'int32'),
      ...(answers && answerTensors(answers, size)),
    };
    const outputs = await this.#with(feeds, () => this.#program.run('train_step', feeds));
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, readScalar(tensor)]));
  }

  /** Detections of a batch of network inputs, in pixels of the network input. */
  async predict(images: Float32Array): Promise<RawDetections> {
    const [height, width] = this.imageSize;
    const size = images.length / (height * width * 3);
    const feeds = { images: tf.tensor4d(images, [size, height, width, 3]) };
    const outputs = await this.#with(feeds, () => this.#program.run('predict', feeds));
    const read = (name: string): Float32Array => outputs[name]!.dataSync<'float32'>().slice();
    const result = {
      boxes: read('boxes'),
      scores: read('scores'),
      classes: read('classes'),
      count: read('count'),
    };
    tf.dispose(outputs);
    return result;
  }

  /** Whether a frozen teacher's answers to a batch are finite. */
  async probeTeacher(images: Float32Array): Promise<boolean> {
    const [height, width] = this.imageSize;
    const feeds = { images: tf.tensor4d(images, [images.length / (height * width * 3), height, width, 3]) };
    const outputs = await this.#with(feeds, () => this.#program.run('probe_teacher', feeds));
    return readScalar(outputs.finite!) === 1;
  }

  /** A teacher's answers to any number of images. */
  async teacherAnswers(images: Float32Array): Promise<ImageAnswers> {
    const [height, width] = this.imageSize;
    const feeds = { images: tf.tensor4d(images, [images.length / (height * width * 3), height, width, 3]) };
    const outputs = await this.#with(feeds, () => this.#program.run('teacher_answers', feeds));
    const read = <T extends 'float32' | 'int32'>(name: keyof BestAnswers): tf.DataTypeMap[T] =>
      outputs[name]!.dataSync<T>().slice() as tf.DataTypeMap[T];
    const answers = {
      anchors: read<'int32'>('teacher_anchors'),
      logits: read<'float32'>('teacher_logits'),
      deltas: read<'float32'>('teacher_deltas'),
    };
    tf.dispose(outputs);
    return answers;
  }

  /** A checkpoint to go on from. */
  save(prefix: string): Promise<void> {
    return this.#checkpoint('save', prefix);
  }

  /** The same without what only training needs: a checkpoint of the detector alone. */
  publish(prefix: string): Promise<void> {
    return this.#checkpoint('publish', prefix);
  }

  restore(prefix: string): Promise<void> {
    return this.#checkpoint('restore', prefix);
  }

  #checkpoint(signature: 'save' | 'publish' | 'restore', prefix: string): Promise<void> {
    return this.#with({ prefix: tf.scalar(prefix, 'string') }, feeds =>
      this.#program.execute(signature, feeds),
    );
  }

  async #with<T>(
    feeds: Record<string, tf.Tensor>,
    work: (feeds: Record<string, tf.Tensor>) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(feeds);
    } finally {
      tf.dispose(feeds);
    }
  }
}

function answerTensors({ anchors, logits, deltas }: ImageAnswers, images: number): BestAnswers {
  const kept = anchors.length / images;
  return {
    teacher_anchors: tf.tensor2d(anchors, [images, kept], 'int32'),
    teacher_logits: tf.tensor3d(logits, [images, kept, logits.length / anchors.length]),
    teacher_deltas: tf.tensor3d(deltas, [images, kept, 4]),
  };
}

function readScalar(tensor: tf.Tensor): number {
  const value = tensor.dataSync()[0]!;
  tensor.dispose();
  return value;
}
