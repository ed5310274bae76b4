import { type FileHandle, open, readFile } from 'node:fs/promises';
import { AppError, errors } from '../../errors/index.js';
import type { VariableSpec } from '../../graph/variables.js';
import { ByteReader } from './byte-reader.js';
import { maskedCrc32c } from './crc32c.js';
import { FLOAT_FORMATS, type FloatFormat } from './float-formats.js';
import { readTable } from './sorted-table.js';
import { namesByObjectKey, OBJECT_GRAPH, plainObjectKey } from './object-names.js';
import { canonicalName, type Weights, type WeightTensor } from './weights.js';

/** Float formats by their number in tensorflow/core/framework/types.proto; integers and texts are no weights. */
const FORMATS: ReadonlyMap<number, FloatFormat> = new Map<number, FloatFormat>([
  [1, FLOAT_FORMATS.float32],
  [2, FLOAT_FORMATS.float64],
  [14, FLOAT_FORMATS.bfloat16],
  [19, FLOAT_FORMATS.float16],
]);

interface Entry {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
  readonly checksum: number;
}

/**
 * Reads the float tensors of a TensorFlow checkpoint by name. `stem_1` and the like become `stem`, moving averages replace the
 * variables that they average, optimiser slots are left out. The keys of an object-based checkpoint become the names of `specs`.
 * Format: tensorflow/core/util/tensor_bundle, a LevelDB table of BundleEntryProto beside raw data.
 */
export async function readTfCheckpoint(
  prefix: string,
  specs: readonly VariableSpec[] = [],
): Promise<Weights> {
  const { entries, shards } = await readIndex(`${prefix}.index`);
  const wanted = [...(entries.has(OBJECT_GRAPH) ? ofObjects(entries, specs) : chosen(entries))];
  const weights = new Map<string, WeightTensor>();
  for (let shard = 0; shard < shards; shard++) {
    const here = wanted.filter(([, entry]) => entry.shard === shard);
    if (here.length === 0) continue;
    for await (const [name, tensor] of readShard(shardPath(prefix, shard, shards), here))
      weights.set(name, tensor);
  }
  return weights;
}

/**
 * The names of the float tensors of a checkpoint that hold NaN or infinity. Slots of optimisers and moving averages count, too.
 * Tensors are read one after the other: a checkpoint may be larger than the memory that is left.
 */
export async function nonFiniteTensors(prefix: string): Promise<string[]> {
  const { entries, shards } = await readIndex(`${prefix}.index`);
  const names: string[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const here = [...entries].filter(([, entry]) => entry.shard === shard && FORMATS.has(entry.dtype));
    for await (const [name, { values }] of readShard(shardPath(prefix, shard, shards), here))
      if (!values.every(Number.isFinite)) names.push(name);
  }
  return names;
}

const shardPath = (prefix: string, shard: number, shards: number): string =>
  `${prefix}.data-${fiveDigits(shard)}-of-${fiveDigits(shards)}`;

const fiveDigits = (value: number): string => String(value).padStart(5, '0');

const unreadable = (path: string, error: unknown): AppError =>
  error instanceof AppError ? error : errors.checkpointUnreadable(path, error);

async function readIndex(path: string): Promise<{ entries: Map<string, Entry>; shards: number }> {
  try {
    const rows = readTable(await readFile(path));
    const header = new Map(fields(rows.get('') ?? Buffer.alloc(0)));
    const shards = (header.get(1) as number | undefined) ?? 1;
    rows.delete('');
    return { entries: new Map([...rows].map(([name, bytes]) => [name, parseEntry(bytes)])), shards };
  } catch (error) {
    throw unreadable(path, error);
  }
}

const AVERAGE = '/ExponentialMovingAverage';
/** Step counters, optimiser slots and the classifier of a backbone, which are no part of a detector. */
const IGNORED =
  /(^global_step$|\/Momentum$|\/Adam(_\d+)?$|moving_normalizer$|\/head\/|^save_counter|^optimizer\/|\/\.OPTIMIZER_SLOT\/)/;

function chosen(entries: ReadonlyMap<string, Entry>): Map<string, Entry> {
  const result = new Map<string, Entry>();
  const floats = [...entries].filter(([name, { dtype }]) => FORMATS.has(dtype) && !IGNORED.test(name));
  // Averages come last, because they replace the variables that they average.
  for (const isAverage of [false, true])
    for (const [name, entry] of floats)
      if (name.endsWith(AVERAGE) === isAverage) result.set(canonicalName(name.replace(AVERAGE, '')), entry);
  return result;
}

function ofObjects(entries: ReadonlyMap<string, Entry>, specs: readonly VariableSpec[]): Map<string, Entry> {
  const names = namesByObjectKey(specs);
  const floats = [...entries].filter(([key, { dtype }]) => FORMATS.has(dtype) && !IGNORED.test(key));
  return new Map(floats.map(([key, entry]) => [names.get(key) ?? plainObjectKey(key), entry]));
}

/** The fields of a protocol buffers message: numbers and byte strings. */
function fields(bytes: Buffer): [number, number | Buffer][] {
  const reader = new ByteReader(bytes);
  const found: [number, number | Buffer][] = [];
  while (!reader.done) {
    const tag = reader.varint();
    const wire = tag & 7;
    if (wire === 0) found.push([tag >> 3, reader.varint()]);
    else if (wire === 2) found.push([tag >> 3, reader.take(reader.varint())]);
    else found.push([tag >> 3, reader.take(wire === 5 ? 4 : 8)]);
  }
  return found;
}

/** The field numbers of BundleEntryProto: dtype 1, shape 2, shard_id 3, offset 4, size 5, crc32c 6. */
function parseEntry(bytes: Buffer): Entry {
  const values = new Map(fields(bytes));
  const number = (field: number): number => (values.get(field) as number | undefined) ?? 0;
  const shape = fields((values.get(2) as Buffer | undefined) ?? Buffer.alloc(0))
    .filter(([field]) => field === 2)
    .map(([, dim]) => (new Map(fields(dim as Buffer)).get(1) as number | undefined) ?? 0);
  const checksum = (values.get(6) as Buffer | undefined)?.readUInt32LE() ?? 0;
  return { dtype: number(1), shape, shard: number(3), offset: number(4), size: number(5), checksum };
}

async function* readShard(
  path: string,
  entries: readonly (readonly [string, Entry])[],
): AsyncGenerator<[string, WeightTensor]> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    for (const [name, entry] of entries) yield [name, await readTensor(file, name, entry)];
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await file?.close();
  }
}

async function readTensor(
  file: FileHandle,
  name: string,
  { dtype, shape, offset, size, checksum }: Entry,
): Promise<WeightTensor> {
  const format = FORMATS.get(dtype)!;
  const expected = format.bytes * shape.reduce((product, dim) => product * dim, 1);
  if (size !== expected)
    throw new Error(`${name} takes ${size} bytes, not ${expected}: parts of variables are not read`);
  const { buffer: data, bytesRead } = await file.read(new Uint8Array(size), 0, size, offset);
  if (bytesRead !== size) throw new Error(`is cut off before byte ${offset + size}, where ${name} ends`);
  if (maskedCrc32c(data) !== checksum) throw new Error(`is damaged: ${name} does not match its checksum`);
  return { shape, values: format.decode(data) };
}
