import { join } from 'node:path';
import type { NmsConfigs } from '../config/run.js';
import { fitImage } from '../images/place.js';
import type { Detection, DetectorInput, Engine } from './engine.js';
import { type ModelCard, ONNX_NETWORK } from '../formats/model-card.js';
import { BEST_CELLS, openNetwork } from './onnx-network.js';
import { logitBelow } from './candidates.js';
import { boxInImage, normalisationOf } from './network-input.js';
import { type KeptBox, suppressComplete } from './suppress.js';

/** The ONNX network of a model folder, with the same pre- and post-processing as the SavedModel's. */
export async function openOnnx(folder: string, card: ModelCard): Promise<Engine> {
  const { grid, run } = await openNetwork(join(folder, ONNX_NETWORK), card);
  const numClasses = card.classes.length;
  let maxCells = BEST_CELLS;
  const detectOne = async (image: DetectorInput, rules: readonly NmsConfigs[]): Promise<Detection[][]> => {
    const minLogit = Math.min(...rules.map(({ score_thresh }) => logitBelow(score_thresh)));
    const input = fitImage(image, { canvas: card.image_size, normalisation: normalisationOf(card) });
    const detectKept = async (): Promise<(KeptBox[] | null)[]> => {
      const { from, ...maps } = await run(input, { minLogit, maxCells });
      return rules.map(nms => suppressComplete(maps, from, { grid, numClasses, nms }));
    };
    let kept = await detectKept();
    if (kept.includes(null)) {
      maxCells = Infinity; // from now on: other images of this kind will need more cells, too
      kept = await detectKept();
    }
    const inImage = ({ box, ...rest }: KeptBox): Detection => ({
      box: boxInImage(box, image, card),
      ...rest,
    });
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
