/** FNV-1a, 32 bits, of the UTF-8 bytes; never 0. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0 || 1;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, limit). */
  integer(limit: number): number;
  uniform(low: number, high: number): number;
  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * A reproducible stream named by its keys: the same keys give the same numbers on every machine, so a value drawn
 * for (seed, epoch, sample) needs no saved generator state to be repeated after a restart. Generator: sfc32.
 */
export function randomFrom(...keys: readonly (string | number)[]): Random {
  const name = keys.join('\u001f');
  let [a, b, c, counter] = [fnv1a(`${name}a`), fnv1a(`${name}b`), fnv1a(`${name}c`), 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  const integer = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    integer,
    uniform: (low, high) => low + (high - low) * next(),
    shuffle: items => {
      const result = [...items];
      for (let i = result.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
  };
}
