import type { PerceptualHash } from './perceptual-hash.js';

const WORDS = 4;
const WORD_BITS = 16;

/**
 * Finds the hashes near another without looking at all: of four words of 16 bits, two hashes that differ in n bits differ
 * in n/4 or fewer in one of them (multi-index hashing: Norouzi, Punjani, Fleet, "Fast search in Hamming space", 2012).
 */
export class HashIndex {
  readonly #hashes: PerceptualHash[] = [];
  /** By word and its value: places of the hashes that have it. */
  readonly #tables = Array.from({ length: WORDS }, () => new Array<number[] | undefined>(2 ** WORD_BITS));

  /** @returns its place: they count from 0 */
  add(hash: PerceptualHash): number {
    const place = this.#hashes.push(hash) - 1;
    this.#tables.forEach((table, word) => (table[wordOf(hash, word)] ??= []).push(place));
    return place;
  }

  /** Visits every hash that differs in at most `limit` bits once, in an order that depends on the hashes only. */
  forEachWithin(hash: PerceptualHash, limit: number, visit: (place: number, distance: number) => void): void {
    const bits = Math.floor(limit / WORDS);
    const masks = masksWithin(bits);
    for (let word = 0; word < WORDS; word++) {
      const table = this.#tables[word]!;
      const value = wordOf(hash, word);
      for (const mask of masks) {
        const bucket = table[value ^ mask];
        if (!bucket) continue;
        for (const place of bucket) {
          const other = this.#hashes[place]!;
          const distance = hammingDistance(hash, other);
          if (distance <= limit && !isNearBefore(word, { hash, other, bits })) visit(place, distance);
        }
      }
    }
  }
}

/** Whether a word before this one has shown the other hash already. */
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

const masks = new Map<number, Uint16Array>();

/** Every pattern of at most so many bits of a word. */
function masksWithin(bits: number): Uint16Array {
  const known = masks.get(bits);
  if (known) return known;
  const all = Array.from({ length: 2 ** WORD_BITS }, (_, mask) => mask);
  const made = Uint16Array.from(all.filter(mask => countBits(mask) <= bits));
  masks.set(bits, made);
  return made;
}
