import { errors } from '../../errors.js';

/** What a pickle may mean here: named globals become these functions, nothing else is ever called. */
export interface PickleWorld {
  /** Called as `module.name(...args)`; a name that is not here is refused. */
  readonly globals: Readonly<Record<string, (...args: never[]) => unknown>>;
  persistent(id: unknown): unknown;
}

const MARK = Symbol('mark');
type Dictionary = Map<unknown, unknown>;

/** Interprets one pickle (protocol 2–4). Everything but data, and calls of the given globals, is an error. */
export function unpickle(
  bytes: Buffer,
  start: number,
  { world, file }: { world: PickleWorld; file: string },
): { value: unknown; end: number } {
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = start;
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  const byte = (): number => bytes[at++]!;
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    const text = bytes.toString('utf8', at, end);
    at = end + 1;
    return text;
  };
  const pop = (): unknown => stack.pop();
  const toMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    return stack.splice(mark).slice(1);
  };
  const global = (name: string): void => {
    const known = world.globals[name];
    if (!known) throw errors.weightsRefused(file, name);
    stack.push(known);
  };
  const pairs = (dictionary: Dictionary, items: unknown[]): void => {
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
  };
  const operations: Record<number, () => void> = {
    0x80: () => byte(),
    0x95: () => void take(8),
    0x28: () => stack.push(MARK),
    0x29: () => stack.push([]),
    0x5d: () => stack.push([]),
    0x7d: () => stack.push(new Map()),
    0x4e: () => stack.push(null),
    0x88: () => stack.push(true),
    0x89: () => stack.push(false),
    0x4b: () => stack.push(byte()),
    0x4d: () => stack.push(take(2).readUInt16LE()),
    0x4a: () => stack.push(take(4).readInt32LE()),
    0x8a: () => stack.push(littleEndian(take(byte()))),
    0x47: () => stack.push(take(8).readDoubleBE()),
    0x58: () => stack.push(take(take(4).readUInt32LE()).toString('utf8')),
    0x8c: () => stack.push(take(byte()).toString('utf8')),
    0x63: () => global(`${line()}.${line()}`),
    0x93: () => {
      const [module, name] = stack.splice(-2);
      global(`${module as string}.${name as string}`);
    },
    0x71: () => memo.set(byte(), stack.at(-1)),
    0x72: () => memo.set(take(4).readUInt32LE(), stack.at(-1)),
    0x94: () => memo.set(memo.size, stack.at(-1)),
    0x68: () => stack.push(memo.get(byte())),
    0x6a: () => stack.push(memo.get(take(4).readUInt32LE())),
    0x85: () => stack.push(stack.splice(-1)),
    0x86: () => stack.push(stack.splice(-2)),
    0x87: () => stack.push(stack.splice(-3)),
    0x74: () => stack.push(toMark()),
    0x65: () => {
      const items = toMark();
      (stack.at(-1) as unknown[]).push(...items);
    },
    0x61: () => {
      const item = pop();
      (stack.at(-1) as unknown[]).push(item);
    },
    0x73: () => pairs(stack.at(-3) as Dictionary, stack.splice(-2)),
    0x75: () => {
      const items = toMark();
      pairs(stack.at(-1) as Dictionary, items);
    },
    0x51: () => stack.push(world.persistent(pop())),
    0x52: () => {
      const args = pop() as never[];
      const call = pop() as (...args: never[]) => unknown;
      stack.push(call(...args));
    },
    // State of an object that is data already (an OrderedDict's metadata) is of no use here.
    0x62: () => void pop(),
  };
  for (;;) {
    const code = byte();
    if (code === 0x2e) return { value: pop(), end: at };
    const operation = operations[code];
    if (!operation) throw errors.weightsRefused(file, `pickle operation 0x${code?.toString(16)}`);
    operation();
  }
}

function littleEndian(bytes: Buffer): bigint {
  return [...bytes].reverse().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
