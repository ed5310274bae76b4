import type { BboxXywh, CocoDetection, CocoId, CocoGroundTruth } from '../../src/formats/coco.js';
import { type Random, randomFrom } from '../../src/random.js';

export interface CocoCase {
  readonly truth: CocoGroundTruth;
  readonly found: readonly CocoDetection[];
}

/** Each trait is there in every so many-th case, so that they meet each other in all ways. */
const TRAITS = {
  noBoxes: 19,
  noDetections: 17,
  noImages: 97,
  crowdedImage: 13,
  manyTies: 3,
  integerBoxes: 5,
  largeIds: 4,
  hugeIds: 7,
  shuffledFile: 2,
  zeroSizes: 11,
  idZero: 9,
  exactBoxes: 6,
} as const;
type Trait = keyof typeof TRAITS;

/** Small scenes full of edge cases; every seventh image id is beyond 2^53 where `hugeIds` says so. */
export function generateCase(seed: number): CocoCase {
  const random = randomFrom('coco', seed);
  const has = (trait: Trait): boolean => seed % TRAITS[trait] === TRAITS[trait] - 1;
  const categories = Array.from({ length: 1 + random.integer(5) }, (_, i) => ({
    id: has('largeIds') ? 90_000_000_000 - 13 * i : 3 * i + 1,
    name: `class ${i}`,
  }));
  const images = Array.from({ length: has('noImages') ? 0 : 1 + random.integer(7) }, (_, i) => ({
    id: imageId(i, has),
    width: 640,
    height: 480,
    file_name: `${i}.jpg`,
  }));
  const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)]!;
  const scene = { random, has, images, categories, pick };
  const annotations = images.length === 0 || has('noBoxes') ? [] : boxesOf(scene);
  const found = images.length === 0 || has('noDetections') ? [] : detectionsOf(scene, annotations);
  const order = <T>(items: readonly T[]): readonly T[] =>
    has('shuffledFile') ? random.shuffle(items) : items;
  return {
    truth: { images: order(images), annotations, categories: order(categories) },
    found: order(found),
  };
}

function imageId(i: number, has: (trait: Trait) => boolean): CocoId {
  if (has('hugeIds')) return 2n ** 60n + BigInt(i);
  return has('largeIds') ? 4_000_000_000_000 + 7 * i : 7 * i + 1;
}

interface Scene {
  readonly random: Random;
  readonly has: (trait: Trait) => boolean;
  readonly images: CocoGroundTruth['images'];
  readonly categories: CocoGroundTruth['categories'];
  readonly pick: <T>(items: readonly T[]) => T;
}

function bboxOf({ random, has }: Scene): BboxXywh {
  const limit = [24, 70, 200][random.integer(3)]!;
  const round = has('integerBoxes') ? Math.round : (value: number): number => value;
  const side = (): number => (has('zeroSizes') && random.next() < 0.1 ? 0 : round(random.uniform(2, limit)));
  return [round(random.uniform(0, 300)), round(random.uniform(0, 200)), side(), side()];
}

function boxesOf(scene: Scene): CocoGroundTruth['annotations'] {
  const { random, has, images, categories, pick } = scene;
  // The last class has no boxes in half of the cases.
  const named = random.next() < 0.5 && categories.length > 1 ? categories.slice(0, -1) : categories;
  return images
    .flatMap(({ id: image_id }) => Array.from({ length: random.integer(12) }, () => image_id))
    .map((image_id, i) => {
      const bbox = bboxOf(scene);
      return {
        id: i + (has('idZero') ? 0 : 1),
        image_id,
        category_id: pick(named).id,
        bbox,
        // Now and then exactly on the border of an area range.
        area: random.next() < 0.1 ? pick([1024, 9216]) : bbox[2] * bbox[3] * random.uniform(0.5, 1),
        iscrowd: random.next() < 0.15 ? 1 : 0,
      };
    });
}

function detectionsOf(scene: Scene, annotations: CocoGroundTruth['annotations']): CocoDetection[] {
  const { random, has, images, categories, pick } = scene;
  const score = (): number => (has('manyTies') ? Math.round(random.next() * 5) / 5 : random.next());
  const near = annotations.flatMap(({ image_id, category_id, bbox: [x, y, w, h] }) =>
    Array.from({ length: random.integer(4) }, (): CocoDetection => {
      const shift = (): number => (has('exactBoxes') ? 0 : random.uniform(-0.25, 0.25));
      return {
        image_id,
        category_id: random.next() < 0.9 ? category_id : pick(categories).id,
        bbox: [x + shift() * w, y + shift() * h, w * (1 + shift()), h * (1 + shift())],
        score: score(),
      };
    }),
  );
  const stray = (image_id: CocoId, category_id: number): CocoDetection => ({
    image_id,
    category_id,
    bbox: bboxOf(scene),
    score: score(),
  });
  const strays = Array.from({ length: random.integer(20) }, () =>
    stray(pick(images).id, pick(categories).id),
  );
  const crowd = has('crowdedImage')
    ? Array.from({ length: 250 }, () => stray(images[0]!.id, categories[0]!.id))
    : [];
  return [...near, ...strays, ...crowd];
}

/** JSON as COCO's files have it: ids are bare integers, however large. */
export const toCocoJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `big:${part}` : part)).replace(
    /"big:(\d+)"/g,
    '$1',
  );
