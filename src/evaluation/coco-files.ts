import {
  CocoAnnotation,
  CocoCategory,
  CocoDetection,
  type CocoGroundTruth,
  CocoImage,
} from '../formats/coco.js';
import { checkEntry, readCocoLists } from '../formats/coco-json.js';
import { checkDetections, checkGroundTruth } from './coco-checks.js';

/**
 * Reads a file in COCO's annotation format.
 * @throws DATA_MISSING, DATA_UNREADABLE, or COCO_ENTRY_INVALID with the entry
 */
export async function readGroundTruth(file: string): Promise<CocoGroundTruth> {
  const images: CocoImage[] = [];
  const annotations: CocoAnnotation[] = [];
  const categories: CocoCategory[] = [];
  await readCocoLists(file, {
    images: (entry, i) => images.push(checkEntry(CocoImage, entry, `${file}: images[${i}]`)),
    annotations: (entry, i) =>
      annotations.push(checkEntry(CocoAnnotation, entry, `${file}: annotations[${i}]`)),
    categories: (entry, i) => categories.push(checkEntry(CocoCategory, entry, `${file}: categories[${i}]`)),
  });
  const groundTruth = { images, annotations, categories };
  checkGroundTruth(groundTruth, file);
  return groundTruth;
}

/**
 * Reads a file in COCO's results format: a list of image_id, category_id, bbox, score.
 * @throws DATA_MISSING, DATA_UNREADABLE, or COCO_ENTRY_INVALID with the entry
 */
export async function readDetections(file: string, groundTruth: CocoGroundTruth): Promise<CocoDetection[]> {
  const detections: CocoDetection[] = [];
  await readCocoLists(file, {
    '': (entry, i) => detections.push(checkEntry(CocoDetection, entry, `${file}[${i}]`)),
  });
  checkDetections(detections, { source: file, groundTruth });
  return detections;
}
