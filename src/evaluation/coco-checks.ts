import { errors } from '../errors/index.js';
import {
  BBOX_ALLOWED,
  type BboxXywh,
  type CocoDetection,
  type CocoGroundTruth,
  type CocoId,
} from '../formats/coco.js';

/** @throws COCO_ENTRY_INVALID for an entry whose numbers have no meaning */
export function checkGroundTruth({ images, annotations, categories }: CocoGroundTruth, source: string): void {
  const known = {
    images: uniqueIds(images, `${source}: images`),
    categories: uniqueIds(categories, `${source}: categories`),
  };
  uniqueIds(annotations, `${source}: annotations`);
  annotations.forEach((annotation, i) => {
    const problem = problemOf(annotation, known) ?? areaProblem(annotation.area);
    if (problem) throw errors.cocoEntryInvalid({ place: `${source}: annotations[${i}]`, ...problem });
  });
}

/** @throws COCO_ENTRY_INVALID for a detection that does not belong to the ground truth or whose numbers have no meaning */
export function checkDetections(
  detections: readonly CocoDetection[],
  { source, groundTruth }: { source: string; groundTruth: CocoGroundTruth },
): void {
  const known = {
    images: new Set(groundTruth.images.map(({ id }) => id)),
    categories: new Set<CocoId>(groundTruth.categories.map(({ id }) => id)),
  };
  detections.forEach((detection, i) => {
    const problem = problemOf(detection, known) ?? scoreProblem(detection.score);
    if (problem) throw errors.cocoEntryInvalid({ place: `${source}[${i}]`, ...problem });
  });
}

interface Problem {
  readonly key: string;
  readonly value: unknown;
  readonly allowed: string;
}

interface Known {
  readonly images: ReadonlySet<CocoId>;
  readonly categories: ReadonlySet<CocoId>;
}

function problemOf(
  { image_id, category_id, bbox }: Pick<CocoDetection, 'image_id' | 'category_id' | 'bbox'>,
  { images, categories }: Known,
): Problem | null {
  if (!images.has(image_id))
    return { key: 'image_id', value: image_id, allowed: `one of the ${images.size} images` };
  if (!categories.has(category_id))
    return { key: 'category_id', value: category_id, allowed: someOf(categories) };
  return bboxProblem(bbox);
}

function bboxProblem(bbox: BboxXywh): Problem | null {
  if (bbox.length !== 4 || !bbox.every(value => Number.isFinite(value)))
    return { key: 'bbox', value: bbox, allowed: BBOX_ALLOWED };
  if (bbox[2] < 0 || bbox[3] < 0)
    return { key: 'bbox', value: bbox, allowed: 'a width and a height that are not negative' };
  return null;
}

const areaProblem = (area: number): Problem | null =>
  area >= 0 && area < Infinity
    ? null
    : { key: 'area', value: area, allowed: 'a number that is not negative' };

const scoreProblem = (score: number): Problem | null =>
  Number.isFinite(score) ? null : { key: 'score', value: score, allowed: 'a finite number' };

function uniqueIds(entries: readonly { readonly id: CocoId }[], place: string): Set<CocoId> {
  const seen = new Set<CocoId>();
  entries.forEach(({ id }, i) => {
    if (seen.has(id))
      throw errors.cocoEntryInvalid({
        place: `${place}[${i}]`,
        key: 'id',
        value: id,
        allowed: 'an id that no other entry has',
      });
    seen.add(id);
  });
  return seen;
}

const SHOWN = 20;

function someOf(ids: ReadonlySet<CocoId>): string {
  const shown = [...ids].slice(0, SHOWN).join(', ');
  return ids.size > SHOWN ? `${shown}, … (${ids.size} categories)` : shown || 'none: there are no categories';
}
