import type { CocoCategory, CocoDetection, CocoId, CocoGroundTruth } from '../formats/coco.js';

/** COCO's limit of detections per class and image. */
export const MAX_DETECTIONS = 100;

/** The boxes and detections of one class, grouped by image, images in the order of their ids. */
export interface ClassBoxes {
  readonly category: CocoCategory;
  /** Indices of annotations, in the file's order within an image. */
  readonly truths: Uint32Array;
  /** Indices of detections, by descending score within an image, at most MAX_DETECTIONS of them. */
  readonly found: Uint32Array;
}

export interface Scene {
  readonly truth: CocoGroundTruth;
  readonly detections: readonly CocoDetection[];
  /** Images in the order of their ids. */
  readonly images: CocoGroundTruth['images'];
  /** Annotation → position of its image in `images`; detection → the same. */
  readonly truthImage: Int32Array;
  readonly foundImage: Int32Array;
  /** In the order of their ids. */
  readonly classes: readonly ClassBoxes[];
}

/** Sorts checked entries in the order in which pycocotools visits them. */
export function arrangeByClass(truth: CocoGroundTruth, detections: readonly CocoDetection[]): Scene {
  const images = sortById(truth.images);
  const categories = sortById(truth.categories);
  const imageAt = new Map(images.map(({ id }, i) => [id, i]));
  const classAt = new Map(categories.map(({ id }, i) => [id, i]));
  const truthImage = Int32Array.from(truth.annotations, ({ image_id }) => imageAt.get(image_id)!);
  const foundImage = Int32Array.from(detections, ({ image_id }) => imageAt.get(image_id)!);
  const truths = splitByClass(truth.annotations, classAt);
  const found = splitByClass(detections, classAt);
  const classes = categories.map((category, k) => ({
    category,
    truths: truths[k]!.sort((a, b) => truthImage[a]! - truthImage[b]! || a - b),
    found: bestOfEachImage(
      found[k]!.sort(
        (a, b) => foundImage[a]! - foundImage[b]! || detections[b]!.score - detections[a]!.score || a - b,
      ),
      foundImage,
    ),
  }));
  return { truth, detections, images, truthImage, foundImage, classes };
}

function sortById<T extends { readonly id: CocoId }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function splitByClass(
  entries: readonly { readonly category_id: number }[],
  classAt: ReadonlyMap<number, number>,
): Uint32Array[] {
  const counts = new Uint32Array(classAt.size);
  for (const { category_id } of entries) counts[classAt.get(category_id)!]!++;
  const lists = Array.from(counts, count => new Uint32Array(count));
  counts.fill(0);
  entries.forEach(({ category_id }, i) => {
    const k = classAt.get(category_id)!;
    lists[k]![counts[k]!++] = i;
  });
  return lists;
}

function bestOfEachImage(sorted: Uint32Array, imageOf: Int32Array): Uint32Array {
  let [image, rank] = [-1, 0];
  return sorted.filter(index => {
    rank = imageOf[index] === image ? rank + 1 : 0;
    image = imageOf[index]!;
    return rank < MAX_DETECTIONS;
  });
}
