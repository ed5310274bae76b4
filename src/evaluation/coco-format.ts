/** What COCO's files say, as far as metrics need it. Ids above 2^53 are bigints; readers make them. */
export type CocoId = number | bigint;

export type BboxXywh = readonly [x: number, y: number, width: number, height: number];

export interface CocoImage {
  readonly id: CocoId;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly file_name: string;
}

export interface CocoAnnotation {
  readonly id: CocoId;
  readonly image_id: CocoId;
  readonly category_id: number;
  readonly bbox: BboxXywh;
  /** Square pixels; of the object's outline, so not always that of its box. */
  readonly area: number;
  readonly iscrowd: 0 | 1;
}

export interface CocoCategory {
  readonly id: number;
  readonly name: string;
}

export interface CocoTruth {
  readonly images: readonly CocoImage[];
  readonly annotations: readonly CocoAnnotation[];
  readonly categories: readonly CocoCategory[];
}

export interface CocoFound {
  readonly image_id: CocoId;
  readonly category_id: number;
  readonly bbox: BboxXywh;
  readonly score: number;
}
