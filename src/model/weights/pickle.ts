import { errors } from '../../errors/index.js';
import { ByteReader } from './byte-reader.js';

/** The globals that a pickle may name, as functions; nothing else is ever called. */
export interface PickleWorld {
  /** Called as `module.name(...args)`; a name that is not here is refused. */
  readonly globals: Readonly<Record<string, (...args: never[]) => unknown>>;
  persistent(id: unknown): unknown;
}

const MARK = Symbol('mark');
type Dictionary = Map<unknown, unknown>;

/** Interprets one pickle (protocol 2–4). Anything but data and calls of the given globals is an error. */
export function unpickle(
  bytes: Buffer,
  start: number,
  { world, file }: { world: PickleWorld; file: string },
): { value: unknown; end: number } {
  const cursor = new ByteReader(bytes, start);
  const stack: unknown[] = [];
  const operations = { ...literals(cursor, stack), ...structures(stack, { cursor, world, file }) };
  for (;;) {
    const code = cursor.byte();
    if (code === 0x2e) return { value: stack.pop(), end: cursor.at };
    const operation = operations[code];
    if (!operation) throw errors.weightsRefused(file, `pickle operation 0x${code.toString(16)}`);
    operation();
  }
}

type Operations = Record<number, () => void>;

/** Opcodes of numbers, texts, constants and the memo. */
function literals(cursor: ByteReader, stack: unknown[]): Operations {
  const memo = new Map<number, unknown>();
  const recall = (key: number): void => void stack.push(memo.get(key));
  return {
    0x80: () => cursor.byte(), // protocol
    0x95: () => cursor.take(8), // frame
    0x4e: () => stack.push(null),
    0x88: () => stack.push(true),
    0x89: () => stack.push(false),
    0x4b: () => stack.push(cursor.byte()),
    0x4d: () => stack.push(cursor.take(2).readUInt16LE()),
    0x4a: () => stack.push(cursor.take(4).readInt32LE()),
    0x8a: () => stack.push(signedInteger(cursor.take(cursor.byte()))),
    0x47: () => stack.push(cursor.take(8).readDoubleBE()),
    0x58: () => stack.push(cursor.text(cursor.uint32())),
    0x8c: () => stack.push(cursor.text(cursor.byte())),
    0x71: () => memo.set(cursor.byte(), stack.at(-1)),
    0x72: () => memo.set(cursor.uint32(), stack.at(-1)),
    0x94: () => memo.set(memo.size, stack.at(-1)),
    0x68: () => recall(cursor.byte()),
    0x6a: () => recall(cursor.uint32()),
  };
}

/** Opcodes of tuples, lists, dictionaries and allowed calls. */
function structures(
  stack: unknown[],
  { cursor, world, file }: { cursor: ByteReader; world: PickleWorld; file: string },
): Operations {
  const toMark = (): unknown[] => stack.splice(stack.lastIndexOf(MARK)).slice(1);
  const global = (name: string): void => {
    const known = world.globals[name];
    if (!known) throw errors.weightsRefused(file, name);
    stack.push(known);
  };
  const append = (items: unknown[]): void => {
    for (const item of items) (stack.at(-1) as unknown[]).push(item);
  };
  const setItems = (items: unknown[]): void => {
    for (let i = 0; i < items.length; i += 2) (stack.at(-1) as Dictionary).set(items[i], items[i + 1]);
  };
  return {
    0x28: () => stack.push(MARK),
    0x29: () => stack.push([]),
    0x5d: () => stack.push([]),
    0x7d: () => stack.push(new Map()),
    0x85: () => stack.push(stack.splice(-1)),
    0x86: () => stack.push(stack.splice(-2)),
    0x87: () => stack.push(stack.splice(-3)),
    0x74: () => stack.push(toMark()),
    0x61: () => append(stack.splice(-1)),
    0x65: () => append(toMark()),
    0x73: () => setItems(stack.splice(-2)),
    0x75: () => setItems(toMark()),
    0x63: () => global(`${cursor.line()}.${cursor.line()}`),
    0x93: () => global(stack.splice(-2).join('.')),
    0x51: () => stack.push(world.persistent(stack.pop())),
    0x52: () => {
      const args = stack.pop() as never[];
      const call = stack.pop() as (...args: never[]) => unknown;
      stack.push(call(...args));
    },
    // The state of an object that is plain data already (the metadata of an OrderedDict) is ignored.
    0x62: () => stack.pop(),
  };
}

/** A little-endian integer in two's complement, of any length. */
function signedInteger(bytes: Buffer): bigint {
  const value = [...bytes].reverse().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return BigInt.asIntN(8 * bytes.length, value);
}
