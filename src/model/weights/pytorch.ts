import { readFile } from 'node:fs/promises';
import { errors } from '../../errors.js';
import { type PickleWorld, unpickle } from './pickle.js';
import type { Weights, WeightTensor } from './weights.js';

/** torch.save's first pickle. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

interface Storage {
  readonly key: string;
  readonly type: keyof typeof STORAGES;
}
interface StoredTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
}

const STORAGES = { FloatStorage: 4, LongStorage: 8 } as const;

/** A state dictionary's pickle may name these and nothing else: nothing of the file is executed. */
const WORLD: PickleWorld = {
  globals: {
    'collections.OrderedDict': () => new Map(),
    'torch._utils._rebuild_tensor_v2': (storage: Storage, offset: number, shape: number[]): StoredTensor => ({
      storage,
      offset,
      shape,
    }),
    ...Object.fromEntries(Object.keys(STORAGES).map(type => [`torch.${type}`, () => type])),
  },
  persistent: id => {
    const [, type, key] = id as [string, () => Storage['type'], string];
    return { key, type: type() } satisfies Storage;
  },
};

/** Float tensors of a PyTorch state file (torch.save before 1.6), by name; read without Python. */
export async function readPytorchState(file: string): Promise<Weights> {
  const bytes = await readFile(file);
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, at, { world: WORLD, file });
    at = end;
    return value;
  };
  if (bytes[0] !== 0x80 || next() !== MAGIC) throw errors.weightsUnknownFormat(file);
  next(); // protocol version
  next(); // byte order and sizes: little endian everywhere that matters
  const state = next() as Map<string, StoredTensor>;
  const order = next() as string[];
  const types = new Map([...state.values()].map(({ storage }) => [storage.key, storage.type]));
  const storages = new Map<string, Float32Array>();
  for (const key of order) {
    const count = Number(bytes.readBigInt64LE(at));
    const type = types.get(key) ?? 'FloatStorage';
    const data = bytes.subarray(at + 8, (at += 8 + count * STORAGES[type]));
    if (type === 'FloatStorage') storages.set(key, new Float32Array(new Uint8Array(data).buffer));
  }
  return new Map([...state].flatMap(([name, tensor]) => floatTensor(name, tensor, storages)));
}

function floatTensor(
  name: string,
  { storage, offset, shape }: StoredTensor,
  storages: ReadonlyMap<string, Float32Array>,
): [string, WeightTensor][] {
  const values = storages.get(storage.key);
  const count = shape.reduce((a, b) => a * b, 1);
  return values ? [[name, { shape, values: values.subarray(offset, offset + count) }]] : [];
}
