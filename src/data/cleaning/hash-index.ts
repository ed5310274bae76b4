import type { PerceptualHash } from './perceptual-hash.js';

const WORDS = 4;
const WORD_BITS = 16;

interface Entry<T> {
  readonly hash: PerceptualHash;
  readonly value: T;
}

/**
 * Finds the hashes near a given one without comparing all of them. If two hashes differ in n bits, at least one of their four
 * words of 16 bits differs in at most n/4 (multi-index hashing: Norouzi, Punjani, Fleet, "Fast search in Hamming space", 2012).
 */
export class HashIndex<T> {
  /** For each word, the entries by the value of that word. */
  readonly #tables = Array.from({ length: WORDS }, () => new Array<Entry<T>[] | undefined>(2 ** WORD_BITS));

  add(hash: PerceptualHash, value: T): void {
    const entry = { hash, value };
    this.#tables.forEach((table, word) => (table[wordOf(hash, word)] ??= []).push(entry));
  }

  /** Visits each entry within `limit` bits once, in an order that depends on the hashes only. */
  forEachWithin(hash: PerceptualHash, limit: number, visit: (value: T, distance: number) => void): void {
    const bits = Math.floor(limit / WORDS);
    const masks = masksWithin(bits);
    this.#tables.forEach((table, word) => {
      const key = wordOf(hash, word);
      for (const mask of masks) {
        const bucket = table[key ^ mask];
        if (!bucket) continue;
        for (const { hash: other, value } of bucket) {
          const distance = hammingDistance(hash, other);
          if (distance <= limit && !isNearBefore(word, { hash, other, bits })) visit(value, distance);
        }
      }
    });
  }
}

/** Whether the other hash was already found by an earlier word. */
function isNearBefore(
  word: number,
  { hash, other, bits }: { hash: PerceptualHash; other: PerceptualHash; bits: number },
): boolean {
  for (let before = 0; before < word; before++)
    if (countBits(wordOf(hash, before) ^ wordOf(other, before)) <= bits) return true;
  return false;
}

export const hammingDistance = (a: PerceptualHash, b: PerceptualHash): number =>
  countBits(a.high ^ b.high) + countBits(a.low ^ b.low);

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

const wordOf = ({ high, low }: PerceptualHash, word: number): number =>
  ((word < 2 ? high : low) >>> (word % 2 === 0 ? WORD_BITS : 0)) & 0xffff;

const maskCache = new Map<number, Uint16Array>();

/** All patterns of a word with at most that many bits set. */
function masksWithin(bits: number): Uint16Array {
  const cached = maskCache.get(bits);
  if (cached) return cached;
  const patterns = Array.from({ length: 2 ** WORD_BITS }, (_, pattern) => pattern);
  const masks = Uint16Array.from(patterns.filter(pattern => countBits(pattern) <= bits));
  maskCache.set(bits, masks);
  return masks;
}
