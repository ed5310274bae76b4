/**
 * COCO's annotation and results formats (https://cocodataset.org/#format-data), as far as they are used here. A schema's
 * messages say what is allowed. Numbers that are not finite pass: cleaning and metrics name them with their place.
 */
import { z } from 'zod';

const Numeric = z.custom<number>(value => typeof value === 'number', 'a number');
const Integer = z.int('an integer');
const Text = z.string('a text');
/** Ids beyond 2^53 are bigints, so that they stay apart. */
const Id = z.union([Integer, z.bigint()], 'an integer');
const Flag = z
  .union([Numeric, z.boolean()], '0 or 1')
  .nullish()
  .transform((value): 0 | 1 => (value ? 1 : 0));

export const BBOX_ALLOWED = 'x, y, width, height: four finite numbers';
const Bbox = z.custom<BboxXywh>(
  value => Array.isArray(value) && value.length === 4 && value.every(one => typeof one === 'number'),
  BBOX_ALLOWED,
);

/** In pixels. */
export type BboxXywh = readonly [x: number, y: number, width: number, height: number];
export type CocoId = number | bigint;

export const CocoImage = z.object({
  id: Id,
  /** In pixels; 0: unknown. */
  width: Numeric.nullish().transform(value => value ?? 0),
  height: Numeric.nullish().transform(value => value ?? 0),
  file_name: Text.nullish().transform(value => value ?? ''),
});
export type CocoImage = Readonly<z.infer<typeof CocoImage>>;

export const CocoAnnotation = z
  .object({
    id: Id,
    image_id: Id,
    category_id: Integer,
    bbox: Bbox,
    /** In square pixels, of the object's outline: not always that of its box. */
    area: Numeric.nullish(),
    iscrowd: Flag,
  })
  .transform(({ area, ...rest }) => ({ ...rest, area: area ?? rest.bbox[2] * rest.bbox[3] }));
export type CocoAnnotation = Readonly<z.infer<typeof CocoAnnotation>>;

export const CocoCategory = z
  .object({ id: Integer, name: Text.nullish() })
  .transform(({ id, name }) => ({ id, name: name ?? String(id) }));
export type CocoCategory = Readonly<z.infer<typeof CocoCategory>>;

export interface CocoGroundTruth {
  readonly images: readonly CocoImage[];
  readonly annotations: readonly CocoAnnotation[];
  readonly categories: readonly CocoCategory[];
}

export const CocoDetection = z.object({
  image_id: Id,
  category_id: Integer,
  bbox: Bbox,
  score: Numeric,
});
export type CocoDetection = Readonly<z.infer<typeof CocoDetection>>;

const SourceId = z.union([z.number(), z.bigint(), z.string()]);

/**
 * The same entries as data sets from elsewhere have them: ids may be texts, and boxes may be incomplete, which cleaning
 * names.
 */
export const SourceImage = CocoImage.extend({ id: SourceId, file_name: z.string() });
export type SourceImage = Readonly<z.infer<typeof SourceImage>>;

export const SourceAnnotation = z.object({
  image_id: SourceId,
  category_id: SourceId,
  bbox: z.array(Numeric.nullable()).nullish(),
  area: Numeric.nullish(),
  iscrowd: Flag,
});
export type SourceAnnotation = Readonly<z.infer<typeof SourceAnnotation>>;

export const SourceCategory = z.object({ id: SourceId, name: z.string() });
export type SourceCategory = Readonly<z.infer<typeof SourceCategory>>;
export type SourceId = z.infer<typeof SourceId>;
