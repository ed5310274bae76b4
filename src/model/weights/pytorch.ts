import { readFile } from 'node:fs/promises';
import { AppError, errors } from '../../errors/index.js';
import { FLOAT_FORMATS, type FloatFormat } from './float-formats.js';
import type { PickleWorld } from './pickle.js';
import { openStateFile, type Storage, type StorageType } from './pytorch-file.js';
import type { Weights, WeightTensor } from './weights.js';

/** A view of a storage. It is often not contiguous: weights that came from TensorFlow are stored transposed. */
class StoredTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const floats = (format: FloatFormat): StorageType => ({ bytes: format.bytes, format });
const integers = (bytes: number): StorageType => ({ bytes, format: null });

const STORAGE_TYPES: Readonly<Record<string, StorageType>> = {
  FloatStorage: floats(FLOAT_FORMATS.float32),
  DoubleStorage: floats(FLOAT_FORMATS.float64),
  HalfStorage: floats(FLOAT_FORMATS.float16),
  BFloat16Storage: floats(FLOAT_FORMATS.bfloat16),
  LongStorage: integers(8),
  IntStorage: integers(4),
  ShortStorage: integers(2),
  CharStorage: integers(1),
  ByteStorage: integers(1),
  BoolStorage: integers(1),
};

/** The only globals that a state file may name: nothing of the file is executed. */
const WORLD: PickleWorld = {
  globals: {
    'collections.OrderedDict': () => new Map(),
    'torch._utils._rebuild_tensor_v2': (
      storage: Storage,
      offset: number,
      shape: number[],
      strides: number[],
    ) => new StoredTensor(storage, offset, shape, strides),
    'torch._utils._rebuild_parameter': (tensor: StoredTensor) => tensor,
    ...Object.fromEntries(Object.entries(STORAGE_TYPES).map(([name, type]) => [`torch.${name}`, () => type])),
  },
  persistent: id => {
    const [, type, key, , count] = id as [string, () => StorageType, string, string, number];
    return { key, type: type(), count } satisfies Storage;
  },
};

/**
 * Reads the float tensors of a PyTorch state file (torch.save of any version) by name, without Python; also those of a training
 * checkpoint that has the state under `state_dict` or `model`.
 */
export async function readPytorchState(file: string): Promise<Weights> {
  try {
    const { value, storages } = await openStateFile(await readFile(file), { world: WORLD, file });
    const tensors = stateOf(value);
    if (!tensors) throw errors.weightsUnknownFormat(file);
    return await readTensors(tensors, storages);
  } catch (error) {
    throw error instanceof AppError ? error : errors.checkpointUnreadable(file, error);
  }
}

type State = ReadonlyMap<string, StoredTensor>;

function stateOf(value: unknown): State | null {
  if (!(value instanceof Map)) return null;
  const tensors = [...value].filter(([, entry]) => entry instanceof StoredTensor);
  if (tensors.length > 0) return new Map(tensors as [string, StoredTensor][]);
  return stateOf(value.get('state_dict')) ?? stateOf(value.get('model'));
}

async function readTensors(
  tensors: State,
  storages: (storage: Storage) => Promise<Uint8Array>,
): Promise<Weights> {
  const decoded = new Map<string, Float32Array>();
  const weights = new Map<string, WeightTensor>();
  for (const [name, { storage, ...view }] of tensors) {
    if (!storage.type.format) continue;
    const numbers = decoded.get(storage.key) ?? storage.type.format.decode(await storages(storage));
    decoded.set(storage.key, numbers);
    weights.set(name, { shape: view.shape, values: contiguous(numbers, view) });
  }
  return weights;
}

/** Copies a view in row-major order. */
function contiguous(
  numbers: Float32Array,
  { offset, shape, strides }: Omit<StoredTensor, 'storage'>,
): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((sum, size, dim) => sum + (size - 1) * strides[dim]!, offset);
  if (count > 0 && last >= numbers.length) throw new Error(`a tensor of [${shape.join(', ')}] is cut off`);
  const result = new Float32Array(count);
  let at = 0;
  const copy = (dim: number, from: number): void => {
    if (dim === shape.length) result[at++] = numbers[from]!;
    else for (let i = 0; i < shape[dim]!; i++) copy(dim + 1, from + i * strides[dim]!);
  };
  copy(0, offset);
  return result;
}
