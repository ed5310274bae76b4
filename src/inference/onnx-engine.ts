import { join } from 'node:path';
import type { NmsConfigs } from '../config/run.js';
import { letterbox, placePicture } from '../images/images.js';
import type { Detection, DetectorInput, Engine } from './engine.js';
import { type ModelCard, ONNX_NETWORK } from '../formats/model-card.js';
import { BEST_CELLS, openNetwork } from './onnx-network.js';
import { type Kept, logitBelow, suppressComplete } from './suppress.js';

/** The ONNX network of a model folder; what is before and after it is done here, as the SavedModel does it. */
export async function openOnnx(folder: string, card: ModelCard): Promise<Engine> {
  const { grid, run } = await openNetwork(join(folder, ONNX_NETWORK), card);
  const numClasses = card.classes.length;
  let most = BEST_CELLS;
  const detectOne = async (picture: DetectorInput, rules: readonly NmsConfigs[]): Promise<Detection[][]> => {
    const least = Math.min(...rules.map(({ score_thresh }) => logitBelow(score_thresh)));
    const image = networkInput(picture, card);
    const look = async (): Promise<(Kept[] | null)[]> => {
      const { from, ...maps } = await run(image, { least, most });
      return rules.map(nms => suppressComplete(maps, from, { grid, numClasses, nms }));
    };
    let kept = await look();
    if (kept.includes(null)) {
      most = Infinity; // from now on: others of these pictures will need them, too
      kept = await look();
    }
    const { scale } = letterbox(picture, card.image_size);
    const { height: h, width: w } = picture;
    const inPicture = ({ box, ...rest }: Kept): Detection => {
      const clip = (side: number, limit: number): number =>
        Math.fround(Math.min(Math.max(box[side]! / scale, 0), limit));
      return { box: [clip(0, h), clip(1, w), clip(2, h), clip(3, w)], ...rest };
    };
    return kept.map(one => one!.map(inPicture));
  };
  const detectUnder: Engine['detectUnder'] = async (pictures, rules) => {
    const found: Detection[][][] = rules.map(() => []);
    // One by one: maps of several pictures do not stay in the processor's cache, which costs more than a batch saves.
    for (const picture of pictures)
      (await detectOne(picture, rules)).forEach((detections, i) => found[i]!.push(detections));
    return found;
  };
  return { detectUnder, detect: async pictures => (await detectUnder(pictures, [card.nms_configs]))[0]! };
}

/** [height, width, 3]: scaled to fit, top left, normalised. */
function networkInput(picture: DetectorInput, { image_size, mean, std }: ModelCard): Float32Array {
  const { width, height } = letterbox(picture, image_size);
  return placePicture(picture, {
    canvas: image_size,
    scaled: { width, height },
    offset: [0, 0],
    flip: false,
    gain: [1, 1, 1],
    normalisation: { mean: mean as [number, number, number], std: std as [number, number, number] },
  });
}
