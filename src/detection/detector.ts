import * as tf from '@tensorflow/tfjs-core';
import type { BoxYxyx } from '../boxes.js';
import type { Picture } from '../data/pictures.js';
import { Program } from '../graph/execution.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import { type ModelCard, readModelCard } from './model-card.js';

export interface Detection {
  /** In pixels of the picture. */
  readonly box: BoxYxyx;
  /** From 0. */
  readonly classIndex: number;
  readonly score: number;
}

/** A picture, or values 0–255 between those that a picture can have. */
export interface DetectorInput extends Omit<Picture, 'pixels'> {
  readonly pixels: Uint8Array | Float32Array;
}

/** An exported model that is ready to look at pictures. */
export interface Detector {
  /** What computes. */
  readonly engine: string;
  readonly card: ModelCard;
  /** Pictures of one size; detections by falling score. */
  detect(pictures: readonly DetectorInput[]): Promise<Detection[][]>;
}

/** Loads the SavedModel of a model folder: it takes pictures of any size, and any number of one size. */
export async function openDetector(folder: string): Promise<Detector> {
  const card = await readModelCard(folder);
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const program = new Program(folder);
  return {
    engine: 'tensorflow',
    card,
    detect: async pictures => {
      const images = stackPictures(pictures);
      const outputs = await program.run('serving_default', { images });
      const read = (name: string): Float32Array => outputs[name]!.dataSync<'float32'>();
      const detections = unpack(pictures.length, {
        boxes: read('detection_boxes'),
        classes: read('detection_classes'),
        scores: read('detection_scores'),
        counts: read('num_detections'),
      });
      tf.dispose([images, ...Object.values(outputs)]);
      return detections;
    },
  };
}

function stackPictures(pictures: readonly DetectorInput[]): tf.Tensor4D {
  const { width, height } = pictures[0]!;
  const size = width * height * 3;
  const values = new Float32Array(pictures.length * size);
  pictures.forEach(({ pixels }, i) => values.set(pixels, i * size));
  return tf.tensor4d(values, [pictures.length, height, width, 3]);
}

type Arrays = Record<'boxes' | 'classes' | 'scores' | 'counts', Float32Array>;

function unpack(count: number, { boxes, classes, scores, counts }: Arrays): Detection[][] {
  const perPicture = scores.length / count;
  return Array.from({ length: count }, (_, picture) =>
    Array.from({ length: counts[picture]! }, (_, i): Detection => {
      const at = picture * perPicture + i;
      const [ymin, xmin, ymax, xmax] = boxes.subarray(at * 4, at * 4 + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      return { box: [ymin, xmin, ymax, xmax], classIndex: classes[at]! - 1, score: scores[at]! };
    }),
  );
}
