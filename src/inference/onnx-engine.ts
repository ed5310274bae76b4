import { join } from 'node:path';
import type { NmsConfigs } from '../config/run.js';
import { letterbox, placeImage } from '../images/place.js';
import type { Detection, DetectorInput, Engine } from './engine.js';
import { type ModelCard, ONNX_NETWORK } from '../formats/model-card.js';
import { BEST_CELLS, openNetwork } from './onnx-network.js';
import { logitBelow } from './candidates.js';
import { type KeptBox, suppressComplete } from './suppress.js';

/** The ONNX network of a model folder, with the same pre- and post-processing as the SavedModel's. */
export async function openOnnx(folder: string, card: ModelCard): Promise<Engine> {
  const { grid, run } = await openNetwork(join(folder, ONNX_NETWORK), card);
  const numClasses = card.classes.length;
  let maxCells = BEST_CELLS;
  const detectOne = async (image: DetectorInput, rules: readonly NmsConfigs[]): Promise<Detection[][]> => {
    const minLogit = Math.min(...rules.map(({ score_thresh }) => logitBelow(score_thresh)));
    const input = networkInput(image, card);
    const detectKept = async (): Promise<(KeptBox[] | null)[]> => {
      const { from, ...maps } = await run(input, { minLogit, maxCells });
      return rules.map(nms => suppressComplete(maps, from, { grid, numClasses, nms }));
    };
    let kept = await detectKept();
    if (kept.includes(null)) {
      maxCells = Infinity; // from now on: other images of this kind will need more cells, too
      kept = await detectKept();
    }
    const { scale } = letterbox(image, card.image_size);
    const { height: h, width: w } = image;
    const inImage = ({ box, ...rest }: KeptBox): Detection => {
      const clip = (side: number, limit: number): number =>
        Math.fround(Math.min(Math.max(box[side]! / scale, 0), limit));
      return { box: [clip(0, h), clip(1, w), clip(2, h), clip(3, w)], ...rest };
    };
    return kept.map(one => one!.map(inImage));
  };
  const detectUnder: Engine['detectUnder'] = async (images, rules) => {
    const found: Detection[][][] = rules.map(() => []);
    // One at a time: the maps of several images do not fit the processor's cache, which costs more than a batch saves.
    for (const image of images)
      (await detectOne(image, rules)).forEach((detections, i) => found[i]!.push(detections));
    return found;
  };
  return { detectUnder, detect: async images => (await detectUnder(images, [card.nms_configs]))[0]! };
}

/** [height, width, 3]: the image scaled to fit, at the top left, normalised. */
function networkInput(image: DetectorInput, { image_size, mean, std }: ModelCard): Float32Array {
  const { width, height } = letterbox(image, image_size);
  return placeImage(image, {
    canvas: image_size,
    scaled: { width, height },
    offset: [0, 0],
    flip: false,
    gain: [1, 1, 1],
    normalisation: { mean: mean as [number, number, number], std: std as [number, number, number] },
  });
}
