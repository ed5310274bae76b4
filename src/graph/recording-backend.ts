import * as tf from '@tensorflow/tfjs-core';
// The core alone has no gradients.
import './gradients.js';
import { errors, messageOf } from '../errors/index.js';
import { first, type Graph, type NodeOptions, type Output } from './graph.js';

type Values = tf.backend_util.BackendValues;

interface Recorded {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  /** The graph output that the tensor stands for; that of a constant is made when it is first used. */
  output: Output | undefined;
  readonly values?: Values;
}

export const RECORDING = 'recording';

/**
 * A tfjs backend that computes nothing: a tensor stands for an output of a graph node, a kernel appends a node.
 * tfjs's own autodiff runs over it, so gradients are recorded like everything else.
 */
export class RecordingBackend extends tf.KernelBackend {
  #tensors = new WeakMap<object, Recorded>();
  #graph: Graph | undefined;

  /** Runs `build` with every tfjs call recorded into `graph`. */
  record<T>(graph: Graph, build: () => T): T {
    const outer = this.#graph;
    const active = tf.engine().backendName;
    this.#graph = graph;
    void tf.setBackend(RECORDING);
    try {
      return build();
    } catch (error) {
      throw unsupportedKernel(error) ?? error;
    } finally {
      this.#graph = outer;
      if (active && active !== RECORDING) void tf.setBackend(active);
    }
  }

  get graph(): Graph {
    if (!this.#graph) throw errors.notRecording();
    return this.#graph;
  }

  /** Appends a node with one output. */
  emit(
    op: string,
    inputs: readonly Output[],
    result: { shape: readonly number[]; dtype: tf.DataType },
    options?: NodeOptions,
  ): tf.TensorInfo {
    return this.wrap(first(this.graph.add(op, inputs, options)), result);
  }

  /** Makes a graph output known to tfjs. */
  wrap(output: Output, { shape, dtype }: { shape: readonly number[]; dtype: tf.DataType }): tf.TensorInfo {
    const dataId = {};
    this.#tensors.set(dataId, { shape, dtype, output });
    return { dataId, shape: [...shape], dtype };
  }

  /** A tensor that stands for a graph output and lives as long as the recording. */
  tensorOf(output: Output, result: { shape: readonly number[]; dtype: tf.DataType }): tf.Tensor {
    return tf.keep(tf.engine().makeTensorFromTensorInfo(this.wrap(output, result), this));
  }

  /** The graph output that a tensor stands for. */
  outputOf(tensor: tf.TensorInfo): Output {
    const recorded = this.#tensors.get(tensor.dataId);
    if (!recorded) throw errors.tensorNotRecorded(tensor.shape);
    recorded.output ??= this.#constant(recorded);
    return recorded.output;
  }

  /** The values of a constant, for kernels that need them while recording. */
  constantValues(tensor: tf.TensorInfo): Values | undefined {
    return this.#tensors.get(tensor.dataId)?.values;
  }

  scalar(value: number, dtype: 'float32' | 'int32'): Output {
    const values = dtype === 'int32' ? Int32Array.of(value) : Float32Array.of(value);
    return this.graph.constant({ dtype, shape: [], values });
  }

  ints(values: readonly number[]): Output {
    return this.graph.constant({ dtype: 'int32', shape: [values.length], values: Int32Array.from(values) });
  }

  #constant({ shape, dtype, values }: Recorded): Output {
    if (!values || (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool'))
      throw errors.valueWhileRecording();
    const numbers = values as ArrayLike<number>;
    if (!isUniform(numbers))
      return this.graph.constant({ dtype, shape, values: typedValues(numbers, dtype) });
    // Gradients are full of arrays of one value: a fill keeps them out of the file.
    const value = this.graph.constant({ dtype, shape: [], values: typedValues([numbers[0]!], dtype) });
    return first(
      this.graph.add('Fill', [this.ints(shape), value], {
        attributes: { T: { type: dtype }, index_type: { type: 'int32' } },
      }),
    );
  }

  override write(values: Values, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.#tensors.set(dataId, { shape, dtype, output: undefined, values });
    return dataId;
  }
  override move(dataId: object, values: Values, shape: number[], dtype: tf.DataType): void {
    this.#tensors.set(dataId, { shape, dtype, output: undefined, values });
  }
  override read(): Promise<Values> {
    throw errors.valueWhileRecording();
  }
  override readSync(): Values {
    throw errors.valueWhileRecording();
  }
  override disposeData(): boolean {
    return true;
  }
  override refCount(): number {
    return 1;
  }
  override incRef(): void {}
  decRef(): void {}
  override numDataIds(): number {
    return 0;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {}
}

/** Turns tfjs's error about a kernel that this backend lacks into ours. */
function unsupportedKernel(error: unknown): Error | undefined {
  const kernel = /Kernel '(\w+)' not registered for backend 'recording'/.exec(messageOf(error))?.[1];
  return kernel ? errors.kernelUnsupported(kernel) : undefined;
}

/** A loop: such arrays may have many millions of values. */
function isUniform(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return values.length > 8;
}

function typedValues(
  values: ArrayLike<number>,
  dtype: 'float32' | 'int32' | 'bool',
): Float32Array | Int32Array | Uint8Array {
  if (dtype === 'float32') return Float32Array.from(values);
  return dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values);
}

export const recordingBackend = new RecordingBackend();
// Lowest priority: recording is asked for by name, never chosen by default.
tf.registerBackend(RECORDING, () => recordingBackend, 0);
