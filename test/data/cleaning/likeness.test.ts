import { describe, expect, it } from 'vitest';
import { Cleaning } from '../../../src/config/cleaning.js';
import { hammingDistance, HashIndex } from '../../../src/data/cleaning/hash-index.js';
import { findLeaks } from '../../../src/data/cleaning/leaks.js';
import { findLikeness } from '../../../src/data/cleaning/likeness.js';
import type { PerceptualHash } from '../../../src/data/cleaning/perceptual-hash.js';
import { chooseSplits } from '../../../src/data/cleaning/splits.js';
import { randomFrom } from '../../../src/random.js';

const random = randomFrom('likeness');
const anyHash = (): PerceptualHash => ({ high: random.integer(2 ** 32), low: random.integer(2 ** 32) });

/** With so many bits of it, chosen at random, turned over. */
function turned({ high, low }: PerceptualHash, count: number): PerceptualHash {
  const bits = random.shuffle(Array.from({ length: 64 }, (_, i) => i)).slice(0, count);
  return bits.reduce(
    (hash, bit) =>
      bit < 32
        ? { ...hash, high: (hash.high ^ (1 << bit)) >>> 0 }
        : { ...hash, low: (hash.low ^ (1 << (bit - 32))) >>> 0 },
    { high, low },
  );
}

const limits = Cleaning.parse({});
const image = (hash: PerceptualHash | null, pixels: string | null = null) => ({ hash, pixels });

describe('the index of hashes', () => {
  it.each([0, 3, 4, 10, 16])('finds what comparing all with all finds, within %i bits', limit => {
    const seeds = Array.from({ length: 30 }, anyHash);
    const hashes = seeds.flatMap(seed => [seed, ...[1, 4, 5, 10, 11, 16, 17].map(n => turned(seed, n))]);
    const index = new HashIndex();
    for (const hash of hashes) index.add(hash);
    for (const hash of hashes) {
      const found: (readonly [number, number])[] = [];
      index.forEachWithin(hash, limit, (place, distance) => found.push([place, distance]));
      const all = hashes.map((other, i) => [i, hammingDistance(hash, other)] as const);
      expect(found.sort(([a], [b]) => a - b)).toEqual(all.filter(([, distance]) => distance <= limit));
    }
  });
});

/** By comparing all with all. */
function groupsByDefinition(hashes: readonly PerceptualHash[], near: number): number[] {
  const groups = hashes.map((_, i) => i);
  for (let changed = true; changed;) {
    changed = false;
    for (const [i, a] of hashes.entries())
      for (const [j, b] of hashes.entries())
        if (groups[j]! < groups[i]! && hammingDistance(a, b) <= near) {
          groups[i] = groups[j]!;
          changed = true;
        }
  }
  return groups;
}

describe('likeness', () => {
  it.each([0, 2, 4, 7])('groups as comparing all with all does, within %i bits', max_near_bits => {
    const seeds = Array.from({ length: 12 }, anyHash);
    const walks = seeds.flatMap(seed => {
      let hash = seed;
      return Array.from({ length: 12 }, () => (hash = turned(hash, random.integer(7))));
    });
    const hashes = random.shuffle(walks);
    const { groups, findTwin } = findLikeness(
      hashes.map(hash => image(hash)),
      { ...limits, max_near_bits },
    );
    expect(groups).toEqual(groupsByDefinition(hashes, max_near_bits));
    for (const [i, hash] of hashes.entries()) {
      const isNear = (other: number): boolean =>
        other !== i && hammingDistance(hash, hashes[other]!) <= max_near_bits;
      const twin = findTwin(i, () => true);
      expect(twin === undefined ? hashes.some((_, other) => isNear(other)) : !isNear(twin)).toBe(false);
    }
  });

  it('groups what is near, also by way of others, and names the nearest before each', () => {
    const [a, b] = [anyHash(), anyHash()];
    const chain = turned(a, 4);
    const { groups, resemblances } = findLikeness(
      [a, b, chain, turned(b, 8), a, null, null].map(hash => image(hash)),
      limits,
    );
    expect(groups).toEqual([0, 1, 0, 3, 0, 5, 6]);
    expect(resemblances).toEqual([
      null,
      null,
      { position: 0, distance: 4 },
      { position: 1, distance: 8 },
      { position: 0, distance: 0 },
      null,
      null,
    ]);
  });

  it('groups images of the same pixels that have no hash', () => {
    const { groups, resemblances, findTwin } = findLikeness(
      [image(null, 'x'), image(null, 'y'), image(null, 'x'), image(null), image(null)],
      limits,
    );
    expect(groups).toEqual([0, 1, 0, 3, 4]);
    expect(resemblances).toEqual([null, null, null, null, null]);
    expect([2, 3].map(at => findTwin(at, () => true))).toEqual([0, undefined]);
    expect(findTwin(2, at => at > 0)).toBeUndefined();
  });
});

const sampleOf = (id: string, split: 'train' | 'eval' | null = null) => ({
  split,
  sample: {
    id,
    split,
    image: `/${id}.png`,
    annotation: null,
    boxes: [],
    declared: null,
    problem: null,
  },
});

describe('splits', () => {
  it('keep groups together, on the side of what is named', () => {
    const many = Array.from({ length: 200 }, (_, i) => sampleOf(`image ${i}`));
    // Each with the one before it.
    const groups = many.map((_, i) => i - (i % 2));
    const splits = chooseSplits(many, groups).map(({ split }) => split);
    expect(splits.every((split, i) => split === splits[groups[i]!])).toBe(true);
    const evaluated = splits.filter(split => split === 'eval').length;
    expect(evaluated).toBeGreaterThan(20);
    expect(evaluated).toBeLessThan(60);
    const named = [
      sampleOf('a'),
      sampleOf('b', 'eval'),
      sampleOf('c'),
      sampleOf('d', 'train'),
      sampleOf('e'),
    ];
    expect(chooseSplits(named, [0, 0, 2, 2, 0]).map(({ split }) => split)).toEqual([
      'eval',
      'eval',
      'train',
      'train',
      'eval',
    ]);
  });
});

describe('leaks', () => {
  const hash = anyHash();
  const images = [hash, turned(hash, 3), turned(hash, 7), anyHash()].map(one => image(one));
  const samples = [
    { ...sampleOf('a', 'train'), split: 'train' },
    { ...sampleOf('b', 'eval'), split: 'eval' },
    { ...sampleOf('c', 'train'), split: 'train' },
    { ...sampleOf('d', 'eval'), split: 'eval' },
  ] as const;
  const likeness = findLikeness(images, limits);
  const reasons = (leak: Cleaning['leak']): (string | undefined)[] =>
    findLeaks({ samples, images, likeness }, { ...limits, leak }).map(found => found?.reason);

  it('are found on the side that the policy looks at', () => {
    const onTrain: unknown[] = [
      expect.stringContaining('a near duplicate of /b.png, which is evaluated') as string,
      undefined,
    ];
    expect(reasons('drop_train')).toEqual([...onTrain, undefined, undefined]);
    expect(reasons('warn')).toEqual([...onTrain, undefined, undefined]);
    expect(reasons('drop_eval')).toEqual([
      undefined,
      'a near duplicate of /a.png, which is trained on',
      undefined,
      undefined,
    ]);
  });
});
