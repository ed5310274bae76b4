import { buffer } from 'node:stream/consumers';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { errors } from '../../errors/index.js';
import type { FloatFormat } from './float-formats.js';
import { type PickleWorld, unpickle } from './pickle.js';

/** The numbers of which tensors are views. */
export interface Storage {
  readonly key: string;
  readonly type: StorageType;
  readonly count: number;
}

export interface StorageType {
  readonly bytes: number;
  /** null: integers or booleans, which are no weights. */
  readonly format: FloatFormat | null;
}

export interface StateFile {
  /** The saved object; its tensors refer to storages. */
  readonly value: unknown;
  readonly storages: (storage: Storage) => Promise<Uint8Array>;
}

interface OpenOptions {
  readonly world: PickleWorld;
  readonly file: string;
}

/** Reads the two containers of torch.save: a zip file since 1.6, before that pickles followed by raw storages. */
export function openStateFile(bytes: Buffer, options: OpenOptions): Promise<StateFile> {
  return bytes.subarray(0, 4).toString('latin1') === 'PK\x03\x04'
    ? openArchive(bytes, options)
    : openStream(bytes, options);
}

/** The zip file has the members NAME/data.pkl and, for each storage, NAME/data/KEY. */
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

/** The old file has pickles of magic, protocol, byte order, saved object and keys; then a count and raw numbers for each key. */
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
  next(); // byte order and sizes: little-endian on all supported machines
  const value = next();
  const data = new Map<string, Uint8Array>();
  for (const key of next() as string[]) {
    const size = Number(bytes.readBigInt64LE(at)) * types.get(key)!.bytes;
    data.set(key, bytes.subarray(at + COUNT_BYTES, (at += COUNT_BYTES + size)));
  }
  return { value, storages: async ({ key }) => data.get(key)! };
}
