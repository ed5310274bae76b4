/**
 * Reads long lists of a JSON file element by element, in the memory of what is kept. Only brackets and strings are looked
 * at here; JSON.parse reads each element. The obvious library, stream-json 3.8, makes a token of every number: on a file of
 * COCO's size (390 MB, 860,001 annotations with outlines) one pass takes 7.8 s of processor time here and 74 s there (30 s
 * with its bare tokenizer and assembler), with a peak of 261 and 604 MB. It does not read Python's NaN either.
 */
import { createReadStream } from 'node:fs';
import { messageOf } from '../errors/index.js';

const CHUNK_BYTES = 2 ** 18;
const [QUOTE, BACKSLASH, COMMA, SPACE] = [0x22, 0x5c, 0x2c, 0x20];
const [BRACE_OPEN, BRACE_CLOSE, BRACKET_OPEN, BRACKET_CLOSE] = [0x7b, 0x7d, 0x5b, 0x5d];

const tableOf = (bytes: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => (bytes.includes(byte) ? 1 : 0));
const ENDS_IN_STRING = tableOf([QUOTE, BACKSLASH]);
const ENDS_BETWEEN_STRINGS = tableOf([QUOTE, BRACE_OPEN, BRACE_CLOSE, BRACKET_OPEN, BRACKET_CLOSE]);

/** Receives the elements of lists by name of the list; the name of a file that is one list is ''. Other lists are skipped. */
export type ListVisitors = Readonly<Record<string, (element: unknown, index: number) => void>>;

interface ReadOptions {
  readonly parse?: (text: string) => unknown;
  readonly chunkBytes?: number;
}

/**
 * Reads the lists of a JSON file whose top level is an object of lists, or one list.
 * @returns the file's value with its lists empty
 * @throws SyntaxError, with the place of the element
 */
export async function readJsonLists(
  file: string,
  visitors: ListVisitors,
  { parse = JSON.parse, chunkBytes = CHUNK_BYTES }: ReadOptions = {},
): Promise<unknown> {
  const scanner = new ListScanner(visitors, parse);
  const chunks = createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>; // no encoding is set
  for await (const chunk of chunks) scanner.push(chunk);
  return scanner.end();
}

/** Cuts the elements out of a text that arrives in chunks. */
class ListScanner {
  /** The text outside the elements of lists. */
  readonly #frame: string[] = [];
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  /** The last string of the top-level object: the key of the next value. */
  #key = '';
  /** The depth of the elements of the list that is read, 1 or 2; 0: no list. */
  #listDepth = 0;
  #index = 0;
  /** Whether the list has just begun, or a comma was read. */
  #mayBegin = true;
  /** The tail of the last chunk, from the start of an element, a key or the frame. */
  #rest: Buffer = Buffer.alloc(0);
  /** Positions in the buffer; -1: there is none. */
  #elementStart = -1;
  #frameStart = 0;
  #stringStart = -1;

  constructor(
    private readonly visitors: ListVisitors,
    private readonly parse: (text: string) => unknown,
  ) {}

  push(chunk: Buffer): void {
    const buffer = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (let at = this.#rest.length; (at = this.#skip(buffer, at)) < buffer.length; at++) {
      if (!this.#inString) this.#step(buffer, at);
      else if (this.#isEscaped) this.#isEscaped = false;
      else if (buffer[at] === BACKSLASH) this.#isEscaped = true;
      else this.#endString(buffer, at);
    }
    this.#keepRest(buffer);
  }

  end(): unknown {
    if (this.#listDepth === 0) this.#frame.push(this.#rest.toString());
    return this.parse(this.#frame.join(''));
  }

  get #isBetweenElements(): boolean {
    return this.#listDepth > 0 && this.#depth === this.#listDepth;
  }

  /** The position of the next byte that can change the state: most bytes of a file are digits. */
  #skip(buffer: Buffer, from: number): number {
    if (this.#isEscaped || (!this.#inString && this.#isBetweenElements)) return from;
    const ends = this.#inString ? ENDS_IN_STRING : ENDS_BETWEEN_STRINGS;
    let at = from;
    while (at < buffer.length && ends[buffer[at]!] === 0) at++;
    return at;
  }

  #step(buffer: Buffer, at: number): void {
    const byte = buffer[at]!;
    const isOpening = byte === BRACE_OPEN || byte === BRACKET_OPEN;
    const isClosing = byte === BRACE_CLOSE || byte === BRACKET_CLOSE;
    if (this.#isBetweenElements) {
      if (isClosing || byte === COMMA) this.#endElement(buffer, at);
      if (byte === COMMA) this.#separate();
      else if (isClosing) this.#endList(at);
      else if (this.#elementStart < 0 && byte > SPACE) this.#elementStart = at;
    }
    if (byte === QUOTE) {
      this.#inString = true;
      if (this.#depth === 1) this.#stringStart = at;
    } else if (isOpening) {
      this.#depth++;
      if (byte === BRACKET_OPEN && this.#listDepth === 0 && this.#depth <= 2) this.#startList(buffer, at);
    } else if (isClosing) this.#depth--;
  }

  #endString(buffer: Buffer, at: number): void {
    this.#inString = false;
    if (this.#depth === 1 && this.#listDepth === 0)
      this.#key = JSON.parse(buffer.toString('utf8', this.#stringStart, at + 1)) as string; // in quotes
  }

  #startList(buffer: Buffer, at: number): void {
    this.#frame.push(buffer.toString('utf8', this.#frameStart, at + 1));
    this.#listDepth = this.#depth;
    this.#mayBegin = true;
    this.#index = 0;
  }

  #endElement(buffer: Buffer, at: number): void {
    if (this.#elementStart < 0) return;
    const visit = this.visitors[this.#key];
    if (visit) visit(this.#parseElement(buffer.toString('utf8', this.#elementStart, at)), this.#index);
    this.#index++;
    this.#elementStart = -1;
    this.#mayBegin = false;
  }

  #parseElement(text: string): unknown {
    try {
      return this.parse(text);
    } catch (cause) {
      throw new SyntaxError(`${this.#key}[${this.#index}]: ${messageOf(cause)}`, { cause });
    }
  }

  #separate(): void {
    if (this.#mayBegin) throw new SyntaxError(`${this.#key}[${this.#index}]: missing before a comma`);
    this.#mayBegin = true;
  }

  #endList(at: number): void {
    if (this.#mayBegin && this.#index > 0)
      throw new SyntaxError(`${this.#key}[${this.#index}]: missing after a comma`);
    this.#listDepth = 0;
    this.#frameStart = at;
  }

  #keepRest(buffer: Buffer): void {
    const inList = this.#listDepth > 0;
    const isSkipped = inList && (this.#elementStart < 0 || !this.visitors[this.#key]);
    const start = isSkipped ? buffer.length : inList ? this.#elementStart : this.#frameStart;
    this.#rest = Buffer.from(buffer.subarray(start));
    if (inList) this.#elementStart = this.#elementStart < 0 ? -1 : 0;
    else this.#frameStart = 0;
    this.#stringStart -= start;
  }
}
