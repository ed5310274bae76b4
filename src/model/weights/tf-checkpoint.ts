import { open, readFile } from 'node:fs/promises';
import { errors } from '../../errors.js';
import type { Weights, WeightTensor } from './weights.js';

/** Ends every LevelDB table. */
const TABLE_MAGIC = 0xdb4775248b80fb57n;
const FOOTER_BYTES = 48;
const DT_FLOAT = 1;

interface Entry {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
}

class Reader {
  at = 0;
  constructor(private readonly bytes: Buffer) {}
  get done(): boolean {
    return this.at >= this.bytes.length;
  }
  varint(): number {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error('ends inside a number');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }
  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new Error('ends inside a value');
    return this.bytes.subarray(this.at, (this.at += length));
  }
}

/**
 * The float tensors of a TensorFlow checkpoint by name; `stem_1` and the like become `stem`, moving averages stand
 * in for the variables that they average, optimiser slots are left out.
 * Format: tensorflow/core/util/tensor_bundle, a LevelDB table of BundleEntryProto beside raw data.
 */
export async function readTfCheckpoint(prefix: string): Promise<Weights> {
  const index = await readFile(`${prefix}.index`).catch((cause: unknown) => {
    throw errors.checkpointUnreadable(`${prefix}.index`, cause);
  });
  let entries: Map<string, Entry>;
  try {
    entries = tableEntries(index);
  } catch (cause) {
    throw errors.checkpointUnreadable(`${prefix}.index`, cause);
  }
  const shards = 1 + Math.max(0, ...[...entries.values()].map(({ shard }) => shard));
  const weights = new Map<string, WeightTensor>();
  for (const [name, entry] of chosen(entries))
    weights.set(name, { shape: entry.shape, values: await readTensor(prefix, entry, shards) });
  return weights;
}

const AVERAGE = '/ExponentialMovingAverage';
const IGNORED = /(^global_step$|\/Momentum$|\/Adam(_\d+)?$|^_CHECKPOINTABLE|^save_counter)/;

function chosen(entries: ReadonlyMap<string, Entry>): Map<string, Entry> {
  const result = new Map<string, Entry>();
  const floats = [...entries].filter(([name, { dtype }]) => dtype === DT_FLOAT && !IGNORED.test(name));
  // Averages last: they replace what they average.
  for (const isAverage of [false, true])
    for (const [name, entry] of floats)
      if (name.endsWith(AVERAGE) === isAverage) result.set(canonicalName(name.replace(AVERAGE, '')), entry);
  return result;
}

/** Keras numbers the stem of every further model in a process. */
const canonicalName = (name: string): string =>
  name.replace(/\/stem_\d+\/conv2d(_\d+)?\//, '/stem/conv2d/').replace(/\/stem_\d+\//, '/stem/');

function tableEntries(table: Buffer): Map<string, Entry> {
  if (table.length < FOOTER_BYTES || table.readBigUInt64LE(table.length - 8) !== TABLE_MAGIC)
    throw new Error('is not a checkpoint index');
  const footer = new Reader(table.subarray(table.length - FOOTER_BYTES));
  footer.varint();
  footer.varint();
  const entries = new Map<string, Entry>();
  for (const [, handle] of block(table, footer.varint(), footer.varint())) {
    const reader = new Reader(handle);
    // The first key is empty: the bundle's header.
    for (const [key, value] of block(table, reader.varint(), reader.varint()))
      if (key) entries.set(key, parseEntry(value));
  }
  return entries;
}

/** Keys share prefixes with the one before; the restart points at the end are not needed. */
function block(table: Buffer, offset: number, size: number): [string, Buffer][] {
  if (table[offset + size] !== 0) throw new Error('has a compressed block, which TensorFlow does not write');
  const bytes = table.subarray(offset, offset + size);
  const reader = new Reader(bytes.subarray(0, size - 4 - 4 * bytes.readUInt32LE(size - 4)));
  const rows: [string, Buffer][] = [];
  let key = Buffer.alloc(0);
  while (!reader.done) {
    const [shared, own, length] = [reader.varint(), reader.varint(), reader.varint()];
    key = Buffer.concat([key.subarray(0, shared), reader.take(own)]);
    rows.push([key.toString('utf8'), reader.take(length)]);
  }
  return rows;
}

/** Fields of a protocol buffers message: numbers and byte strings. */
function fields(bytes: Buffer): [number, number | Buffer][] {
  const reader = new Reader(bytes);
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

/** BundleEntryProto: dtype 1, shape 2, shard_id 3, offset 4, size 5. */
function parseEntry(bytes: Buffer): Entry {
  const values = new Map(fields(bytes));
  const number = (field: number): number => (values.get(field) as number | undefined) ?? 0;
  const shape = fields((values.get(2) as Buffer | undefined) ?? Buffer.alloc(0))
    .filter(([field]) => field === 2)
    .map(([, dim]) => (new Map(fields(dim as Buffer)).get(1) as number | undefined) ?? 0);
  return { dtype: number(1), shape, shard: number(3), offset: number(4), size: number(5) };
}

async function readTensor(
  prefix: string,
  { shard, offset, size }: Entry,
  shards: number,
): Promise<Float32Array> {
  const pad = (value: number): string => String(value).padStart(5, '0');
  const path = `${prefix}.data-${pad(shard)}-of-${pad(shards)}`;
  const file = await open(path).catch((cause: unknown) => {
    throw errors.checkpointUnreadable(path, cause);
  });
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(size), 0, size, offset);
    if (bytesRead !== size)
      throw errors.checkpointUnreadable(path, new Error(`ends after ${offset + bytesRead} bytes`));
    return new Float32Array(buffer.buffer);
  } finally {
    await file.close();
  }
}
