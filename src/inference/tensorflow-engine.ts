import * as tf from '@tensorflow/tfjs-core';
import type { ModelCard } from '../formats/model-card.js';
import { Program } from '../graph/execution.js';
import { loadTensorFlow } from '../graph/tensorflow.js';
import { fitImage } from '../images/place.js';
import type { Detection, DetectorInput, Engine } from './engine.js';
import { boxInImage, normalisationOf } from './network-input.js';

/** The SavedModel of a model folder. Images are scaled here, as for training: for the model they have the size of its input. */
export async function openTensorFlow(folder: string, card: ModelCard): Promise<Engine> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  const program = new Program(folder);
  const detect: Engine['detect'] = async images => {
    const batch = stackImages(images, card);
    const outputs = await program.run('serving_default', { images: batch });
    const read = (name: string): Float32Array => outputs[name]!.dataSync<'float32'>();
    const detections = unpack(images, card, {
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

/** [images, height, width, 3], 0–255: the padding is the mean colour, which the model normalises to 0. */
function stackImages(images: readonly DetectorInput[], card: ModelCard): tf.Tensor4D {
  const [height, width] = card.image_size;
  const { mean } = normalisationOf(card);
  const size = height * width * 3;
  const values = new Float32Array(images.length * size);
  for (const [i, image] of images.entries()) {
    const centred = fitImage(image, { canvas: card.image_size, normalisation: { mean, std: [1, 1, 1] } });
    for (let at = 0; at < size; at++) values[i * size + at] = centred[at]! + mean[at % 3]!;
  }
  return tf.tensor4d(values, [images.length, height, width, 3]);
}

type Arrays = Record<'boxes' | 'classes' | 'scores' | 'counts', Float32Array>;

function unpack(
  images: readonly DetectorInput[],
  card: ModelCard,
  { boxes, classes, scores, counts }: Arrays,
): Detection[][] {
  const perImage = scores.length / images.length;
  return images.map((image, place) =>
    Array.from({ length: counts[place]! }, (_, i): Detection => {
      const at = place * perImage + i;
      const box = boxInImage(boxes.subarray(at * 4, at * 4 + 4), image, card);
      return { box, classIndex: classes[at]! - 1, score: scores[at]! };
    }),
  );
}
