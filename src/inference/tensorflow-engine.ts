import * as tf from '@tensorflow/tfjs-core';
import { Program } from '../graph/execution.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import type { Detection, DetectorInput, Engine } from './engine.js';

/** The SavedModel of a model folder: it takes pictures of any size, and any number of one size. */
export async function openTensorFlow(folder: string): Promise<Engine> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const program = new Program(folder);
  const detect: Engine['detect'] = async pictures => {
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
  };
  return { detect, detectUnder: null };
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
