import { buffer } from 'node:stream/consumers';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { errors } from '../../errors/index.js';
import type { FloatFormat } from './float-formats.js';
import { type PickleWorld, unpickle } from './pickle.js';

/** Numbers that tensors are views of. */
export interface Storage {
  readonly key: string;
  readonly type: StorageType;
  readonly count: number;
}

export interface StorageType {
  readonly bytes: number;
  /** null: whole numbers and truth values, which are no weights. */
  readonly format: FloatFormat | null;
}

export interface StateFile {
  /** What was saved; its tensors refer to storages. */
  readonly value: unknown;
  readonly storages: (storage: Storage) => Promise<Uint8Array>;
}

interface OpenOptions {
  readonly world: PickleWorld;
  readonly file: string;
}

/** The two containers of torch.save: a zip file since 1.6, pickles followed by raw storages before. */
export function openStateFile(bytes: Buffer, options: OpenOptions): Promise<StateFile> {
  return bytes.subarray(0, 4).toString('latin1') === 'PK\x03\x04'
    ? openArchive(bytes, options)
    : openStream(bytes, options);
}

/** NAME/data.pkl, and a member NAME/data/KEY for each storage. */
async function openArchive(bytes: Buffer, options: OpenOptions): Promise<StateFile> {
  const zip = await fromBufferPromise(bytes, { lazyEntries: true });
  const members = new Map<string, Entry>();
  for await (const entry of zip.eachEntry())
    members.set(entry.fileName.slice(entry.fileName.indexOf('/') + 1), entry);
  const pickle = await readMember(zip, members.get('data.pkl'));
  if (!pickle) throw errors.weightsUnknownFormat(options.file);
  return {
    value: unpickle(pickle, 0, options).value,
    storages: async ({ key }) => {
      const data = await readMember(zip, members.get(`data/${key}`));
      if (!data) throw new Error(`data/${key} is missing`);
      return data;
    },
  };
}

const readMember = async (zip: ZipFile, entry: Entry | undefined): Promise<Buffer | null> =>
  entry ? buffer(await zip.openReadStreamPromise(entry)) : null;

/** The first pickle of a stream. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const COUNT_BYTES = 8;

/** Pickles: magic, protocol, byte order, what was saved, keys; then a count and raw numbers for each key. */
async function openStream(bytes: Buffer, { world, file }: OpenOptions): Promise<StateFile> {
  const types = new Map<string, Storage['type']>();
  const recording: PickleWorld = {
    ...world,
    persistent: id => {
      const storage = world.persistent(id) as Storage;
      types.set(storage.key, storage.type);
      return storage;
    },
  };
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, at, { world: recording, file });
    at = end;
    return value;
  };
  if (bytes[0] !== 0x80 || next() !== MAGIC) throw errors.weightsUnknownFormat(file);
  next(); // protocol version
  next(); // byte order and sizes: little-endian wherever this runs
  const value = next();
  const data = new Map<string, Uint8Array>();
  for (const key of next() as string[]) {
    const size = Number(bytes.readBigInt64LE(at)) * types.get(key)!.bytes;
    data.set(key, bytes.subarray(at + COUNT_BYTES, (at += COUNT_BYTES + size)));
  }
  return { value, storages: async ({ key }) => data.get(key)! };
}
