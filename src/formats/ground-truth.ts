import type { CocoGroundTruth } from './coco.js';
import type { CleanedDataset, Split } from './dataset.js';

/** The labels of a split as COCO has them; category ids count from 1. */
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
