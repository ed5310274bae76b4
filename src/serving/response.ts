import type { BoxYxyx } from '../boxes.js';
import type { Detection } from '../inference/engine.js';

/** The outputs of the model's signature for one image. */
export interface Prediction {
  /** [slots, 4]: ymin, xmin, ymax, xmax in pixels of the image; 0 after the last detection. */
  readonly detection_boxes: readonly BoxYxyx[];
  /** [slots]: from 1; 1 after the last detection. */
  readonly detection_classes: readonly number[];
  /** [slots], in descending order; 0 after the last detection. */
  readonly detection_scores: readonly number[];
  readonly num_detections: number;
}

const PADDING: Detection = { box: [0, 0, 0, 0], classIndex: 0, score: 0 };

/** Pads detections to `slots`, as the graph of the SavedModel does. */
export function toPrediction(detections: readonly Detection[], slots: number): Prediction {
  const rest = Math.max(0, slots - detections.length);
  const all = [...detections, ...new Array<Detection>(rest).fill(PADDING)];
  return {
    detection_boxes: all.map(({ box }) => box),
    detection_classes: all.map(({ classIndex }) => classIndex + 1),
    detection_scores: all.map(({ score }) => score),
    num_detections: detections.length,
  };
}

/** Formats a predict response. row: one object for each image; column: one list for each output. */
export function formatPredictions(predictions: readonly Prediction[], form: 'row' | 'column'): object {
  if (form === 'row') return { predictions };
  const column = <K extends keyof Prediction>(key: K): Prediction[K][] => predictions.map(one => one[key]);
  return {
    outputs: {
      detection_boxes: column('detection_boxes'),
      detection_classes: column('detection_classes'),
      detection_scores: column('detection_scores'),
      num_detections: column('num_detections'),
    },
  };
}

/** Formats the detections of one image as ModelArts' service does: with class names, and only above the threshold. */
export function formatModelArts(
  detections: readonly Detection[],
  { classes, scoreThreshold }: { classes: readonly string[]; scoreThreshold: number },
): object {
  const shown = detections.filter(({ score }) => score >= scoreThreshold);
  return {
    detection_classes: shown.map(({ classIndex }) => classes[classIndex]),
    detection_boxes: shown.map(({ box }) => box),
    detection_scores: shown.map(({ score }) => score),
  };
}
