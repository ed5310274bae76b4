import { createReadStream } from 'node:fs';
import { messageOf } from '../../errors/index.js';

const CHUNK_BYTES = 2 ** 18;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [BRACE_OPEN, BRACE_CLOSE, BRACKET_OPEN, BRACKET_CLOSE] = [0x7b, 0x7d, 0x5b, 0x5d];

const tableOf = (bytes: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => (bytes.includes(byte) ? 1 : 0));
const IN_STRING = tableOf([QUOTE, BACKSLASH]);
const BETWEEN = tableOf([QUOTE, BRACE_OPEN, BRACE_CLOSE, BRACKET_OPEN, BRACKET_CLOSE]);

type Visit = (element: unknown, index: number) => void;

/**
 * Reads a JSON file that holds an object of long lists, element by element: it takes the memory of what is kept.
 * @param visits by name of the list; the elements of other lists are passed over
 * @returns the object with its lists empty
 * @throws SyntaxError, with the place of the element
 */
export async function readJsonLists(
  file: string,
  visits: Readonly<Record<string, Visit>>,
  chunkBytes = CHUNK_BYTES,
): Promise<unknown> {
  const scanner = new ListScanner(visits);
  const chunks = createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>; // without an encoding
  for await (const chunk of chunks) scanner.push(chunk);
  return scanner.end();
}

/** Cuts the elements out of a text that comes in pieces; only brackets and strings are looked at. */
class ListScanner {
  /** What lies outside of the elements of lists. */
  readonly #frame: string[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The last string of the outermost object: the name of what follows. */
  #name = '';
  /** Between the brackets of a list of the outermost object. */
  #inList = false;
  #index = 0;
  /** An element, and no comma after it yet. */
  #separated = true;
  /** Not used up: from the start of the element, the name or the frame on. */
  #rest: Buffer = Buffer.alloc(0);
  #elementStart = -1;
  #frameStart = 0;
  #stringStart = -1;

  constructor(private readonly visits: Readonly<Record<string, Visit>>) {}

  push(chunk: Buffer): void {
    const buffer = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (let at = this.#rest.length; (at = this.#skip(buffer, at)) < buffer.length; at++) {
      if (!this.#inString) this.#step(buffer, at, buffer[at]!);
      else if (this.#escaped) this.#escaped = false;
      else if (buffer[at] === BACKSLASH) this.#escaped = true;
      else this.#endString(buffer, at);
    }
    this.#keepRest(buffer);
  }

  end(): unknown {
    this.#frame.push(this.#inList ? '' : this.#rest.toString());
    return JSON.parse(this.#frame.join(''));
  }

  /** Where the next byte is that means something here; most of a file is numbers. */
  #skip(buffer: Buffer, from: number): number {
    if (this.#escaped || (this.#inList && this.#depth === 2 && !this.#inString)) return from;
    const meaningful = this.#inString ? IN_STRING : BETWEEN;
    let at = from;
    while (at < buffer.length && meaningful[buffer[at]!] === 0) at++;
    return at;
  }

  #step(buffer: Buffer, at: number, byte: number): void {
    const isOpening = byte === BRACE_OPEN || byte === BRACKET_OPEN;
    const isClosing = byte === BRACE_CLOSE || byte === BRACKET_CLOSE;
    if (this.#inList && this.#depth === 2) {
      if (isClosing || byte === COMMA) this.#endElement(buffer, at);
      if (byte === COMMA) this.#startNext();
      if (isClosing) this.#endList(at);
      else if (this.#elementStart < 0 && byte > 0x20 && byte !== COMMA) this.#elementStart = at;
    }
    if (byte === QUOTE) {
      this.#inString = true;
      if (this.#depth === 1) this.#stringStart = at;
    } else if (isOpening) {
      this.#depth++;
      if (byte === BRACKET_OPEN && this.#depth === 2) this.#startList(buffer, at);
    } else if (isClosing) this.#depth--;
  }

  #endString(buffer: Buffer, at: number): void {
    this.#inString = false;
    if (this.#depth === 1)
      this.#name = JSON.parse(buffer.toString('utf8', this.#stringStart, at + 1)) as string; // in quotes
  }

  #startList(buffer: Buffer, at: number): void {
    this.#frame.push(buffer.toString('utf8', this.#frameStart, at + 1));
    this.#inList = true;
    this.#separated = true;
    this.#index = 0;
  }

  #endElement(buffer: Buffer, at: number): void {
    if (this.#elementStart < 0) return;
    const visit = this.visits[this.#name];
    if (visit) visit(this.#parse(buffer.toString('utf8', this.#elementStart, at)), this.#index);
    this.#index++;
    this.#elementStart = -1;
    this.#separated = false;
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new SyntaxError(`${this.#name}[${this.#index}]: ${messageOf(cause)}`, { cause });
    }
  }

  #startNext(): void {
    if (this.#separated) throw new SyntaxError(`${this.#name}[${this.#index}]: nothing before a comma`);
    this.#separated = true;
  }

  #endList(at: number): void {
    if (this.#separated && this.#index > 0)
      throw new SyntaxError(`${this.#name}[${this.#index}]: nothing after a comma`);
    this.#inList = false;
    this.#frameStart = at;
  }

  #keepRest(buffer: Buffer): void {
    const isPassedOver = this.#inList && (this.#elementStart < 0 || !this.visits[this.#name]);
    const start = isPassedOver ? buffer.length : this.#inList ? this.#elementStart : this.#frameStart;
    this.#rest = Buffer.from(buffer.subarray(start));
    if (this.#inList) this.#elementStart = this.#elementStart < 0 ? -1 : 0;
    else this.#frameStart = 0;
    this.#stringStart -= start;
  }
}
