import type { Detection } from '../inference/engine.js';
import type { BoxYxyx } from '../boxes.js';

/** The model's outputs for one image, as its signature has them. */
export interface Prediction {
  /** [slots, 4]: ymin, xmin, ymax, xmax in pixels of the image; 0 after the last detection. */
  readonly detection_boxes: readonly BoxYxyx[];
  /** [slots]: from 1; 1 after the last detection. */
  readonly detection_classes: readonly number[];
  /** [slots], falling; 0 after the last detection. */
  readonly detection_scores: readonly number[];
  readonly num_detections: number;
}

const NOTHING: Detection = { box: [0, 0, 0, 0], classIndex: 0, score: 0 };

/** Detections as the SavedModel's own outputs have them: always `slots`, the rest as its graph leaves it. */
export function predictionOf(detections: readonly Detection[], slots: number): Prediction {
  const rest = Math.max(0, slots - detections.length);
  const all = [...detections, ...new Array<Detection>(rest).fill(NOTHING)];
  return {
    detection_boxes: all.map(({ box }) => box),
    detection_classes: all.map(({ classIndex }) => classIndex + 1),
    detection_scores: all.map(({ score }) => score),
    num_detections: detections.length,
  };
}

/** One object an image, or one list an output. */
export function predictAnswer(predictions: readonly Prediction[], form: 'row' | 'column'): object {
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

/** What ModelArts' service answers for an image: names, and only what is sure enough. */
export function modelArtsAnswer(
  detections: readonly Detection[],
  { classes, shownScore }: { classes: readonly string[]; shownScore: number },
): object {
  const shown = detections.filter(({ score }) => score >= shownScore);
  return {
    detection_classes: shown.map(({ classIndex }) => classes[classIndex]),
    detection_boxes: shown.map(({ box }) => box),
    detection_scores: shown.map(({ score }) => score),
  };
}
