import { join } from 'node:path';
import { boxArea, type BoxYxyx, intersect } from '../boxes.js';
import type { Normalisation } from '../config/families.js';
import type { Hparams } from '../config/run.js';
import type { AnchorGrid } from '../detection/anchors.js';
import { assignTargets, type IgnoredBox, type TargetBox, type Targets } from '../detection/targets.js';
import { randomFrom } from '../random.js';
import type { CleanedSample } from '../formats/dataset.js';
import { readImage } from '../images/decode.js';
import { fitImage, fitting, letterbox, placeImage, type Rgb } from '../images/place.js';

export interface TrainingSample extends Targets {
  /** [height, width, 3], normalised. */
  readonly image: Float32Array;
}

export interface SampleRecipe {
  readonly folder: string;
  readonly imageSize: readonly [number, number];
  readonly normalisation: Normalisation;
}

export interface TrainingRecipe extends SampleRecipe {
  readonly hparams: Pick<
    Hparams,
    | 'input_rand_hflip'
    | 'jitter_min'
    | 'jitter_max'
    | 'color_jitter'
    | 'min_visibility'
    | 'max_instances_per_image'
  >;
  readonly seed: number;
}

/** The augmentation of one view of a sample. It is drawn from (seed, view, sample), so a resumed run repeats it. */
interface Augmentation {
  readonly flip: boolean;
  /** Size of the whole image after scaling. */
  readonly width: number;
  readonly height: number;
  /** Pixels of the scaled image that are cropped at its top and left. */
  readonly offset: readonly [y: number, x: number];
  readonly gain: Rgb;
}

function drawAugmentation(
  sample: CleanedSample,
  { view, recipe }: { view: number; recipe: TrainingRecipe },
): Augmentation {
  const { hparams, imageSize, seed } = recipe;
  const random = randomFrom(seed, 'augment', view, sample.imageId);
  const flip = random.next() < 0.5 && hparams.input_rand_hflip;
  const factor = random.uniform(hparams.jitter_min, hparams.jitter_max);
  const { width, height } = letterbox(sample, [imageSize[0] * factor, imageSize[1] * factor]);
  const excess = (size: number, limit: number): number =>
    Math.floor(random.next() * Math.max(0, size - limit));
  const offset = [excess(height, imageSize[0]), excess(width, imageSize[1])] as const;
  const channel = (): number => random.uniform(1 - hparams.color_jitter, 1 + hparams.color_jitter);
  return { flip, width, height, offset, gain: [channel(), channel(), channel()] };
}

/** Flips, scales, crops and pads an image and matches its boxes with anchors, in the order of google/automl's `dataloader.py`. */
export async function trainingSample(
  sample: CleanedSample,
  { view, recipe, grid }: { view: number; recipe: TrainingRecipe; grid: AnchorGrid },
): Promise<TrainingSample> {
  const augmentation = drawAugmentation(sample, { view, recipe });
  const { flip, width, height, offset, gain } = augmentation;
  const scaled = { width, height };
  const image = placeImage(await readImage(join(recipe.folder, sample.image), () => scaled), {
    canvas: recipe.imageSize,
    scaled,
    offset,
    flip,
    gain,
    normalisation: recipe.normalisation,
  });
  const { labelled, ignored } = augmentBoxes(sample, augmentation, recipe);
  return { image, ...assignTargets(grid, labelled, ignored) };
}

/** The boxes of a view, moved with its image and clipped to it. */
function augmentBoxes(
  sample: CleanedSample,
  augmentation: Augmentation,
  { imageSize, hparams }: TrainingRecipe,
): { labelled: TargetBox[]; ignored: IgnoredBox[] } {
  const [labelled, ignored]: [TargetBox[], IgnoredBox[]] = [[], []];
  for (const one of sample.boxes) {
    const whole = moveBox(one.box, { sample, augmentation });
    const box = clipBox(whole, imageSize);
    if (boxArea(box) === 0) continue;
    const { classIndex, crowd, difficult } = one;
    const visible = boxArea(intersect(whole, [0, 0, ...imageSize])) / boxArea(whole);
    if (crowd || visible < hparams.min_visibility) ignored.push({ box, crowd: crowd && !difficult });
    else labelled.push({ box, classIndex });
  }
  const excess = labelled.splice(hparams.max_instances_per_image ?? Infinity);
  return { labelled, ignored: [...ignored, ...excess.map(({ box }) => ({ box, crowd: false }))] };
}

/** Where a box is in the scaled and cropped image, in pixels of the network input; it may be outside. */
function moveBox(
  [ymin, left, ymax, right]: BoxYxyx,
  { sample, augmentation }: { sample: CleanedSample; augmentation: Augmentation },
): BoxYxyx {
  const [scaleY, scaleX] = [augmentation.height / sample.height, augmentation.width / sample.width];
  const [xmin, xmax] = augmentation.flip ? [sample.width - right, sample.width - left] : [left, right];
  const [offsetY, offsetX] = augmentation.offset;
  return [ymin * scaleY - offsetY, xmin * scaleX - offsetX, ymax * scaleY - offsetY, xmax * scaleX - offsetX];
}

/** Up to the last pixel of the input, as google/automl's `clip_boxes`: its far edge is cut off. */
function clipBox([ymin, xmin, ymax, xmax]: BoxYxyx, [height, width]: readonly [number, number]): BoxYxyx {
  const clip = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit - 1);
  return [clip(ymin, height), clip(xmin, width), clip(ymax, height), clip(xmax, width)];
}

export interface EvaluationSample {
  /** [height, width, 3], normalised. */
  readonly image: Float32Array;
  /** Image pixels per network pixel. */
  readonly scale: readonly [y: number, x: number];
}

/** Scales an image to fit the network input, at its top left. */
export async function evaluationSample(
  sample: CleanedSample,
  { folder, imageSize: canvas, normalisation }: SampleRecipe,
): Promise<EvaluationSample> {
  const image = await readImage(join(folder, sample.image), fitting(canvas));
  const [y, x] = letterbox(sample, canvas).scale;
  return { image: fitImage(image, { canvas, normalisation }), scale: [1 / y, 1 / x] };
}
