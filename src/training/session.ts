import * as tf from '@tensorflow/tfjs-core';
import type { TrainingBatch } from '../data/batches.js';
import type { RawDetections } from '../formats/detections.js';
import { Program } from '../graph/execution.js';
import type { VariableSpec } from '../graph/variables.js';
import { averageSpec } from './optimiser.js';
import { stepTensors } from './step-inputs.js';
import type { StepScalars } from './step-scalars.js';
import {
  readTeacherOutputs,
  type TeacherOutputs,
  teacherTensors,
  type TeacherTensors,
} from './teacher-outputs.js';

interface StepFeeds {
  /** The seed of the run. */
  readonly seed: number;
  readonly scalars: StepScalars;
  /** A teacher's outputs for the batch, where the program is fed them; else null. */
  readonly teacher: TeacherOutputs | null;
}

/** A loaded training program: runs its steps, predicts, saves and restores. */
export class TrainingSession {
  readonly #program: Program;

  /** @param imageSize [height, width] of the network input */
  constructor(
    folder: string,
    private readonly imageSize: readonly [number, number],
  ) {
    this.#program = new Program(folder);
  }

  async initialize(seed: number): Promise<void> {
    await this.#feeding({ seed: tf.tensor1d([seed, 0], 'int32') }, feeds =>
      this.#program.execute('initialize', feeds),
    );
  }

  /**
   * Replaces initial values by adopted ones; NaN stands for a value that stays as it is. Moving averages start at their variables, as
   * those of TensorFlow do.
   */
  async adopt(values: ReadonlyMap<string, Float32Array>, specs: readonly VariableSpec[]): Promise<void> {
    const current = await this.#program.run('values', {});
    const valueOf = ({ name, shape }: VariableSpec): tf.Tensor => {
      const adopted = values.get(name);
      if (!adopted) return current[name]!;
      const initial = adopted.some(Number.isNaN) ? current[name]!.dataSync<'float32'>() : adopted;
      return tf.tensor(
        adopted.map((value, i) => (Number.isNaN(value) ? initial[i]! : value)),
        [...shape],
      );
    };
    for (const spec of specs) {
      current[spec.name] = valueOf(spec);
      const average = averageSpec(spec).name;
      if (average in current) current[average] = current[spec.name]!;
    }
    await this.#feeding(current, feeds => this.#program.execute('adopt', feeds));
  }

  /** Trains one step. @returns its loss terms and gradient norm by name */
  async step(batch: TrainingBatch, { seed, scalars, teacher }: StepFeeds): Promise<Record<string, number>> {
    const feeds = {
      ...stepTensors(batch, { imageSize: this.imageSize, seed, scalars }),
      ...(teacher && teacherTensors(teacher, batch.numPositives.length)),
    };
    const outputs = await this.#feeding(feeds, () => this.#program.run('train_step', feeds));
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, readScalar(tensor)]));
  }

  /** The detections of a batch of network inputs, in pixels of the network input. */
  async predict(images: Float32Array): Promise<RawDetections> {
    const outputs = await this.#run('predict', images);
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

  /** Whether the outputs of a frozen teacher for a batch are finite. */
  async hasFiniteTeacher(images: Float32Array): Promise<boolean> {
    const outputs = await this.#run('probe_teacher', images);
    return readScalar(outputs.finite!) === 1;
  }

  /** A teacher's outputs for any number of images. */
  async teacherOutputs(images: Float32Array): Promise<TeacherOutputs> {
    const outputs = await this.#run('teacher_outputs', images);
    // The signature is recorded from `keepBest`.
    const read = readTeacherOutputs(outputs as unknown as TeacherTensors);
    tf.dispose(outputs);
    return read;
  }

  /** Saves a checkpoint to resume from. */
  save(prefix: string): Promise<void> {
    return this.#checkpoint('save', prefix);
  }

  /** Saves a checkpoint of the detector alone, without the variables that only training needs. */
  publish(prefix: string): Promise<void> {
    return this.#checkpoint('publish', prefix);
  }

  restore(prefix: string): Promise<void> {
    return this.#checkpoint('restore', prefix);
  }

  #checkpoint(signature: 'save' | 'publish' | 'restore', prefix: string): Promise<void> {
    return this.#feeding({ prefix: tf.scalar(prefix, 'string') }, feeds =>
      this.#program.execute(signature, feeds),
    );
  }

  /** Runs a signature whose only input is a batch of images. */
  #run(signature: string, images: Float32Array): Promise<Record<string, tf.Tensor>> {
    const [height, width] = this.imageSize;
    const batch = images.length / (height * width * 3);
    return this.#feeding({ images: tf.tensor4d(images, [batch, height, width, 3]) }, feeds =>
      this.#program.run(signature, feeds),
    );
  }

  async #feeding<T>(
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

function readScalar(tensor: tf.Tensor): number {
  const [value = NaN] = tensor.dataSync();
  tensor.dispose();
  return value;
}
