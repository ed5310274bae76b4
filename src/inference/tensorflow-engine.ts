import * as tf from '@tensorflow/tfjs-core';
import { Program } from '../graph/execution.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import type { Detection, DetectorInput, Engine } from './engine.js';

/** The SavedModel of a model folder. It takes any number of images of one size, whatever that size is. */
export async function openTensorFlow(folder: string): Promise<Engine> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const program = new Program(folder);
  const detect: Engine['detect'] = async images => {
    const batch = stackImages(images);
    const outputs = await program.run('serving_default', { images: batch });
    const read = (name: string): Float32Array => outputs[name]!.dataSync<'float32'>();
    const detections = unpack(images.length, {
      boxes: read('detection_boxes'),
      classes: read('detection_classes'),
      scores: read('detection_scores'),
      counts: read('num_detections'),
    });
    tf.dispose([batch, ...Object.values(outputs)]);
    return detections;
  };
  return { detect, detectUnder: null };
}

function stackImages(images: readonly DetectorInput[]): tf.Tensor4D {
  const { width, height } = images[0]!;
  const size = width * height * 3;
  const values = new Float32Array(images.length * size);
  images.forEach(({ pixels }, i) => values.set(pixels, i * size));
  return tf.tensor4d(values, [images.length, height, width, 3]);
}

type Arrays = Record<'boxes' | 'classes' | 'scores' | 'counts', Float32Array>;

function unpack(count: number, { boxes, classes, scores, counts }: Arrays): Detection[][] {
  const perImage = scores.length / count;
  return Array.from({ length: count }, (_, image) =>
    Array.from({ length: counts[image]! }, (_, i): Detection => {
      const at = image * perImage + i;
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
