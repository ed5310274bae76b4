import { describe, expect, it } from 'vitest';
import { Cleaning } from '../../../src/config/cleaning.js';
import { hammingDistance, HashIndex } from '../../../src/data/cleaning/hash-index.js';
import { findLeaks } from '../../../src/data/cleaning/leaks.js';
import { findNearDuplicates } from '../../../src/data/cleaning/near-duplicates.js';
import type { PerceptualHash } from '../../../src/data/cleaning/perceptual-hash.js';
import { chooseSplits } from '../../../src/data/cleaning/splits.js';
import type { RawSample } from '../../../src/data/raw-dataset.js';
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
    const index = new HashIndex<number>();
    hashes.forEach((hash, place) => index.add(hash, place));
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

describe('near duplicates', () => {
  it.each([0, 2, 4, 7])('groups as comparing all with all does, within %i bits', max_near_bits => {
    const seeds = Array.from({ length: 12 }, anyHash);
    const walks = seeds.flatMap(seed => {
      let hash = seed;
      return Array.from({ length: 12 }, () => (hash = turned(hash, random.integer(7))));
    });
    const hashes = random.shuffle(walks);
    const { groups, findDuplicate } = findNearDuplicates(
      hashes.map(hash => image(hash)),
      { ...limits, max_near_bits },
    );
    expect(groups).toEqual(groupsByDefinition(hashes, max_near_bits));
    for (const [i, hash] of hashes.entries()) {
      const isNear = (other: number): boolean =>
        other !== i && hammingDistance(hash, hashes[other]!) <= max_near_bits;
      const found = findDuplicate(i, () => true);
      expect(found === undefined ? hashes.some((_, other) => isNear(other)) : !isNear(found)).toBe(false);
    }
  });

  it('groups what is near, also by way of others, and names the nearest before each', () => {
    const [a, b] = [anyHash(), anyHash()];
    const chain = turned(a, 4);
    const { groups, similar } = findNearDuplicates(
      [a, b, chain, turned(b, 8), a, null, null].map(hash => image(hash)),
      limits,
    );
    expect(groups).toEqual([0, 1, 0, 3, 0, 5, 6]);
    expect(similar).toEqual([
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
    const { groups, similar, findDuplicate } = findNearDuplicates(
      [image(null, 'x'), image(null, 'y'), image(null, 'x'), image(null), image(null)],
      limits,
    );
    expect(groups).toEqual([0, 1, 0, 3, 4]);
    expect(similar).toEqual([null, null, null, null, null]);
    expect([2, 3].map(at => findDuplicate(at, () => true))).toEqual([0, undefined]);
    expect(findDuplicate(2, at => at > 0)).toBeUndefined();
  });
});

const sampleOf = <S extends RawSample['split']>(id: string, split: S) => ({
  id,
  split,
  image: `/${id}.png`,
  annotation: null,
  isBackground: false,
  boxes: [],
  labelledOn: 'unknown' as const,
  declared: null,
  problem: null,
});

describe('splits', () => {
  it('keep groups together, on the side of what is named', () => {
    const many = Array.from({ length: 200 }, (_, i) => sampleOf(`image ${i}`, null));
    // Each with the one before it.
    const groups = many.map((_, i) => i - (i % 2));
    const splits = chooseSplits(many, groups).map(({ split }) => split);
    expect(splits.every((split, i) => split === splits[groups[i]!])).toBe(true);
    const evaluated = splits.filter(split => split === 'eval').length;
    expect(evaluated).toBeGreaterThan(20);
    expect(evaluated).toBeLessThan(60);
    const named = [
      sampleOf('a', null),
      sampleOf('b', 'eval'),
      sampleOf('c', null),
      sampleOf('d', 'train'),
      sampleOf('e', null),
    ];
    expect(chooseSplits(named, [0, 0, 2, 2, 0]).map(({ split }) => split)).toEqual([
      'eval',
      'eval',
      'train',
      'train',
      'eval',
    ]);
  });

  it('leave a test split as it is named: images like its own do not join it', () => {
    const samples = [sampleOf('a', 'test'), ...['b', 'c', 'd'].map(id => sampleOf(id, null))];
    const splits = chooseSplits(samples, [0, 0, 2, 3]).map(({ split }) => split);
    expect(splits[0]).toBe('test');
    expect(splits.slice(1)).not.toContain('test');
    expect(splits).toContain('train');
    expect(splits).toContain('eval');
  });
});

describe('leaks', () => {
  const hash = anyHash();
  const images = [hash, turned(hash, 3), turned(hash, 7), anyHash()].map(one => image(one));
  const samples = [
    sampleOf('a', 'train'),
    sampleOf('b', 'eval'),
    sampleOf('c', 'train'),
    sampleOf('d', 'eval'),
  ];
  const nearDuplicates = findNearDuplicates(images, limits);
  const reasons = (leak: Cleaning['leak']): (string | null)[] =>
    findLeaks({ samples, images, nearDuplicates }, { ...limits, leak });

  it('are found on the side that the policy looks at', () => {
    const onTrain: unknown[] = [
      expect.stringContaining('near duplicate of /b.png, which is used for evaluation') as string,
      null,
    ];
    expect(reasons('drop_train')).toEqual([...onTrain, null, null]);
    expect(reasons('warn')).toEqual([...onTrain, null, null]);
    expect(reasons('drop_eval')).toEqual([
      null,
      'near duplicate of /a.png, which is used for training',
      null,
      null,
    ]);
  });

  it('between three splits: training gives up its copy, and a test split what chooses the checkpoint', () => {
    const same = [image(hash), image(hash), image(hash), image(anyHash())];
    const three = [
      sampleOf('a', 'train'),
      sampleOf('b', 'eval'),
      sampleOf('c', 'test'),
      sampleOf('d', 'test'),
    ];
    const found = (leak: Cleaning['leak']): (string | null)[] =>
      findLeaks(
        { samples: three, images: same, nearDuplicates: findNearDuplicates(same, limits) },
        { ...limits, leak },
      );
    const near = 'near duplicate of /';
    expect(found('drop_train')).toEqual([
      `${near}b.png, which is used for evaluation: training on it would inflate the metrics`,
      null,
      `${near}b.png, which is used for evaluation, which chooses the checkpoint`,
      null,
    ]);
    expect(found('warn')).toEqual(found('drop_train'));
    expect(found('drop_eval')).toEqual([
      null,
      `${near}a.png, which is used for training`,
      `${near}a.png, which is used for training`,
      null,
    ]);
  });

  it('of one file and of equal pixels are named before those that are like each other', () => {
    const pixels = [image(null, 'p'), image(null, 'q'), image(null, 'q')];
    const samples = [sampleOf('a', 'train'), sampleOf('a', 'test'), sampleOf('c', 'eval')];
    const nearDuplicates = findNearDuplicates(pixels, limits);
    expect(findLeaks({ samples, images: pixels, nearDuplicates }, limits)).toEqual([
      'the same file is used for testing: training on it would inflate the metrics',
      'same pixels as /c.png, which is used for evaluation, which chooses the checkpoint',
      null,
    ]);
  });
});
