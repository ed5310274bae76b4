import type { Cleaning } from '../../config/cleaning.js';
import { hammingDistance, HashIndex } from './hash-index.js';
import type { ImageFacts } from './image-facts.js';
import type { PerceptualHash } from './perceptual-hash.js';

/** An earlier image that is similar to a given one. Positions are indices into the list of images. */
export interface SimilarImage {
  readonly position: number;
  /** The number of bits in which their perceptual hashes differ. */
  readonly distance: number;
}

export interface NearDuplicates {
  /** By position: the first image of its group. Images without duplicates are a group of their own. */
  readonly groups: readonly number[];
  /** By position: a similar earlier image; null: there is none within `max_review_bits`. */
  readonly similar: readonly (SimilarImage | null)[];
  /** Finds an accepted image with the same pixels, else a near duplicate. */
  readonly findDuplicate: (position: number, accept: (other: number) => boolean) => number | undefined;
}

type HashedImage = Pick<ImageFacts, 'pixels' | 'hash'>;

/**
 * Groups images with the same pixels, and near duplicates: images whose hashes differ in at most `max_near_bits`, directly
 * or through a chain of others. Images without pixels and hash have no duplicates.
 */
export function findNearDuplicates(images: readonly HashedImage[], limits: Cleaning): NearDuplicates {
  const groups = new DisjointSets(images.length);
  const samePixels = byPixels(images);
  for (const [first, ...others] of samePixels.values()) for (const other of others) groups.join(first, other);
  const clusters = new HashClusters(limits, groups);
  const similar = images.map(({ hash }, position) => (hash ? clusters.add({ position, hash }) : null));
  return {
    groups: images.map((_, position) => groups.firstOf(position)),
    similar,
    findDuplicate: (position, accept) => {
      const { pixels = null, hash = null } = images[position] ?? {};
      const isOther = (other: number): boolean => other !== position && accept(other);
      const same = pixels === null ? undefined : samePixels.get(pixels)?.find(isOther);
      return same ?? (hash ? clusters.findNear(hash, isOther) : undefined);
    },
  };
}

interface HashedPosition {
  readonly position: number;
  readonly hash: PerceptualHash;
}

/** Images within `max_near_bits` of their representative, which is the first of the members. */
interface Cluster {
  readonly representative: HashedPosition;
  readonly members: HashedPosition[];
}

interface NearCluster {
  readonly cluster: Cluster;
  /** Distance of its representative. */
  readonly distance: number;
}

/**
 * Clusters of near duplicates, of which only the representatives are indexed: many images of one scene, as from a camera
 * that stands still, cost little more than one. A near duplicate of an image lies within `2 · max_near_bits` of the
 * representative of that image's cluster, so no pair is missed.
 */
class HashClusters {
  readonly #index = new HashIndex<Cluster>();
  readonly #near: number;
  readonly #review: number;

  readonly #groups: DisjointSets;

  constructor({ max_near_bits, max_review_bits }: Cleaning, groups: DisjointSets) {
    this.#near = max_near_bits;
    this.#review = max_review_bits;
    this.#groups = groups;
  }

  /** @returns the representative of its cluster, else a near duplicate in another cluster, else the nearest representative */
  add(image: HashedPosition): SimilarImage | null {
    const clusters = this.#clustersWithin(image.hash, Math.max(2 * this.#near, this.#review));
    const [nearest] = clusters;
    const isNear = nearest !== undefined && nearest.distance <= this.#near;
    if (isNear) {
      this.#groups.join(image.position, nearest.cluster.representative.position);
      nearest.cluster.members.push(image);
    } else this.#index.add(image.hash, { representative: image, members: [image] });
    const linked = this.#joinNearGroups(image, clusters);
    if (linked && !isNear) return linked;
    return nearest && (isNear || nearest.distance <= this.#review)
      ? { position: nearest.cluster.representative.position, distance: nearest.distance }
      : null;
  }

  /** Sorted by distance, then by position. */
  #clustersWithin(hash: PerceptualHash, limit: number): NearCluster[] {
    const clusters: NearCluster[] = [];
    this.#index.forEachWithin(hash, limit, (cluster, distance) => clusters.push({ cluster, distance }));
    return clusters.sort(
      (a, b) =>
        a.distance - b.distance || a.cluster.representative.position - b.cluster.representative.position,
    );
  }

  /** Joins the groups that this image connects; one near duplicate in each is enough. @returns the first one */
  #joinNearGroups(image: HashedPosition, clusters: readonly NearCluster[]): SimilarImage | null {
    let first: SimilarImage | null = null;
    for (const { cluster, distance } of clusters) {
      if (distance > 2 * this.#near) continue;
      if (this.#groups.areJoined(cluster.representative.position, image.position)) continue;
      const near = cluster.members.find(({ hash }) => hammingDistance(image.hash, hash) <= this.#near);
      if (near === undefined) continue;
      this.#groups.join(image.position, near.position);
      first ??= { position: near.position, distance: hammingDistance(image.hash, near.hash) };
    }
    return first;
  }

  findNear(hash: PerceptualHash, accept: (position: number) => boolean): number | undefined {
    let found: HashedPosition | undefined;
    this.#index.forEachWithin(hash, 2 * this.#near, ({ members }) => {
      found ??= members.find(
        member => accept(member.position) && hammingDistance(hash, member.hash) <= this.#near,
      );
    });
    return found?.position;
  }
}

/** Positions of the images by the hash of their pixels, in ascending order. */
function byPixels(images: readonly HashedImage[]): Map<string, [number, ...number[]]> {
  const positions = new Map<string, [number, ...number[]]>();
  images.forEach(({ pixels }, position) => {
    if (pixels === null) return;
    const known = positions.get(pixels);
    if (known) known.push(position);
    else positions.set(pixels, [position]);
  });
  return positions;
}

/** Union-find; each set is named by its smallest member. */
class DisjointSets {
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

  areJoined(a: number, b: number): boolean {
    return this.firstOf(a) === this.firstOf(b);
  }

  join(a: number, b: number): void {
    const [one, other] = [this.firstOf(a), this.firstOf(b)];
    this.#parents[Math.max(one, other)] = Math.min(one, other);
  }
}
