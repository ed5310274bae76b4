import type { CleanedDataset, Split } from './dataset.js';

/** COCO's own format; category ids count from 1. */
export interface CocoGroundTruth {
  readonly images: readonly {
    readonly id: number;
    readonly width: number;
    readonly height: number;
    readonly file_name: string;
  }[];
  readonly annotations: readonly {
    readonly id: number;
    readonly image_id: number;
    readonly category_id: number;
    readonly bbox: readonly [x: number, y: number, width: number, height: number];
    readonly area: number;
    readonly iscrowd: 0 | 1;
  }[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

export function groundTruthCoco({ classes, splits }: CleanedDataset, split: Split): CocoGroundTruth {
  const annotations = splits[split].flatMap(({ imageId, boxes }) =>
    boxes.map(({ box: [ymin, xmin, ymax, xmax], classIndex, crowd, area }) => ({
      image_id: imageId,
      category_id: classIndex + 1,
      bbox: [xmin, ymin, xmax - xmin, ymax - ymin] as const,
      area,
      iscrowd: crowd ? (1 as const) : (0 as const),
    })),
  );
  return {
    images: splits[split].map(({ imageId: id, width, height, image }) => ({
      id,
      width,
      height,
      file_name: image,
    })),
    annotations: annotations.map((annotation, index) => ({ id: index + 1, ...annotation })),
    categories: classes.map((name, index) => ({ id: index + 1, name })),
  };
}
