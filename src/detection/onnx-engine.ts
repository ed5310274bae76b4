import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { familyOf } from '../config/families.js';
import type { NmsConfigs } from '../config/run.js';
import { letterbox, placePicture } from '../data/pictures.js';
import { anchorOptions, createAnchors } from './anchors.js';
import type { Detection, DetectorInput, Engine } from './engine.js';
import { frozenOutput, type ModelCard, ONNX_NETWORK } from './model-card.js';
import { openNetwork } from './onnxruntime.js';
import { type Kept, type RawMaps, suppress } from './suppress.js';

/** The ONNX network of a model folder; what is before and after it is done here, as the SavedModel does it. */
export async function openOnnx(folder: string, card: ModelCard): Promise<Engine> {
  const run = await openNetwork(join(folder, ONNX_NETWORK));
  const [height, width] = card.image_size;
  const grid = createAnchors(anchorOptions(familyOf(card.model_name), card.aspect_ratios), card.image_size);
  const numClasses = card.classes.length;
  const detectOne = async (picture: DetectorInput, rules: readonly NmsConfigs[]): Promise<Detection[][]> => {
    // Nothing is awaited while the maps are read: another call would overwrite them.
    const raw = rawMaps(await run(networkInput(picture, card), [1, height, width, 3]), card);
    const { scale } = letterbox(picture, card.image_size);
    const { height: h, width: w } = picture;
    const inPicture = ({ box, ...rest }: Kept): Detection => {
      const clip = (side: number, limit: number): number =>
        Math.fround(Math.min(Math.max(box[side]! / scale, 0), limit));
      return { box: [clip(0, h), clip(1, w), clip(2, h), clip(3, w)], ...rest };
    };
    return rules.map(nms => suppress(raw, { grid, numClasses, nms }).map(inPicture));
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

function rawMaps(maps: InferenceSession.OnnxValueMapType, { levels }: ModelCard): RawMaps {
  const of = (head: 'class' | 'box'): Float32Array[] =>
    Array.from(
      { length: levels[1] - levels[0] + 1 },
      (_, i) => maps[frozenOutput(head, levels[0] + i)]!.data as Float32Array,
    );
  return { classLogits: of('class'), boxDeltas: of('box') };
}
