import type { Cleaning } from '../../config/cleaning.js';
import { hammingDistance, HashIndex } from './hash-index.js';
import type { PerceptualHash } from './perceptual-hash.js';
import type { ImageFacts } from './image.js';

/** An image before another that looks like it. */
export interface Resemblance {
  readonly position: number;
  /** Bits by which their perceptual hashes differ. */
  readonly distance: number;
}

/** Which images show the same. Positions are those of the list of images. */
export interface Likeness {
  /** By position: the first image of the group that it belongs to; of an image like no other, itself. */
  readonly groups: readonly number[];
  /** By position; null: no image before it is near enough. */
  readonly resemblances: readonly (Resemblance | null)[];
  /** An image that is accepted, with these very pixels or as near as near duplicates are. */
  readonly findTwin: (position: number, accept: (other: number) => boolean) => number | undefined;
}

type Compared = Pick<ImageFacts, 'pixels' | 'hash'>;

/**
 * Groups images of the same pixels, and those whose hashes differ in at most `max_near_bits`, be it by way of others.
 * Where hashes or pixels were not computed, nothing is alike.
 */
export function findLikeness(images: readonly Compared[], limits: Cleaning): Likeness {
  const groups = new Groups(images.length);
  const samePixels = byPixels(images);
  for (const [first, ...others] of samePixels.values())
    for (const other of others) groups.join(first!, other);
  const neighbours = new Neighbourhoods(images, limits, groups);
  const resemblances = images.map(({ hash }, position) => (hash ? neighbours.place(hash, position) : null));
  return {
    groups: images.map((_, position) => groups.firstOf(position)),
    resemblances,
    findTwin: (position, accept) => {
      const { pixels, hash } = images[position]!;
      const isOther = (other: number): boolean => other !== position && accept(other);
      const same = pixels === null ? undefined : samePixels.get(pixels)?.find(isOther);
      return same ?? (hash ? neighbours.findNear(hash, isOther) : undefined);
    },
  };
}

/**
 * Images gathered around leaders, each within `max_near_bits` of its own. Only leaders are compared with all: many
 * images of one scene, as of a camera that stands still, cost little more than one. What is near an image is within
 * twice as many bits of that image's leader, so that no pair is overlooked.
 */
class Neighbourhoods {
  readonly #index = new HashIndex();
  /** By place in the index: positions, the leader first. */
  readonly #members: number[][] = [];
  readonly #near: number;
  readonly #review: number;

  constructor(
    private readonly images: readonly Compared[],
    { max_near_bits, max_review_bits }: Cleaning,
    private readonly groups: Groups,
  ) {
    this.#near = max_near_bits;
    this.#review = max_review_bits;
  }

  /** @returns the nearest leader, or a near image of another's following; null: nothing before it is within review */
  place(hash: PerceptualHash, position: number): Resemblance | null {
    const leaders: { place: number; distance: number }[] = [];
    this.#index.forEachWithin(hash, Math.max(2 * this.#near, this.#review), (place, distance) =>
      leaders.push({ place, distance }),
    );
    leaders.sort((a, b) => a.distance - b.distance || a.place - b.place);
    const [best] = leaders;
    if (best && best.distance <= this.#near) {
      this.groups.join(position, this.#members[best.place]![0]!);
      this.#members[best.place]!.push(position);
    } else this.#members[this.#index.add(hash)] = [position];
    const followed = this.#joinFollowings(hash, { position, leaders });
    if (best && best.distance <= this.#near)
      return { position: this.#members[best.place]![0]!, distance: best.distance };
    if (followed) return followed;
    return best && best.distance <= this.#review
      ? { position: this.#members[best.place]![0]!, distance: best.distance }
      : null;
  }

  /** Joins groups that this image connects; one near image of each is enough. */
  #joinFollowings(
    hash: PerceptualHash,
    { position, leaders }: { position: number; leaders: readonly { place: number; distance: number }[] },
  ): Resemblance | null {
    let first: Resemblance | null = null;
    for (const { place, distance } of leaders) {
      const members = this.#members[place]!;
      if (distance > 2 * this.#near || this.groups.firstOf(members[0]!) === this.groups.firstOf(position))
        continue;
      const near = members.find(member => this.#distance(hash, member) <= this.#near);
      if (near === undefined) continue;
      this.groups.join(position, near);
      first ??= { position: near, distance: this.#distance(hash, near) };
    }
    return first;
  }

  findNear(hash: PerceptualHash, accept: (position: number) => boolean): number | undefined {
    let found: number | undefined;
    this.#index.forEachWithin(hash, 2 * this.#near, place => {
      found ??= this.#members[place]!.find(
        member => accept(member) && this.#distance(hash, member) <= this.#near,
      );
    });
    return found;
  }

  #distance(hash: PerceptualHash, position: number): number {
    return hammingDistance(hash, this.images[position]!.hash!);
  }
}

function byPixels(images: readonly Compared[]): Map<string, number[]> {
  const positions = new Map<string, number[]>();
  images.forEach(({ pixels }, position) => {
    if (pixels === null) return;
    const list = positions.get(pixels);
    if (list) list.push(position);
    else positions.set(pixels, [position]);
  });
  return positions;
}

/** Disjoint sets; each is named by its first member. */
class Groups {
  readonly #parents: Uint32Array;

  constructor(count: number) {
    this.#parents = Uint32Array.from({ length: count }, (_, i) => i);
  }

  firstOf(member: number): number {
    let root = member;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    for (let at = member; at !== root;) {
      const next = this.#parents[at]!;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  join(a: number, b: number): void {
    const [one, other] = [this.firstOf(a), this.firstOf(b)];
    this.#parents[Math.max(one, other)] = Math.min(one, other);
  }
}
