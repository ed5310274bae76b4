import { familyOf, type ModelName } from '../config/families.js';
import type { Training } from '../config/run.js';
import { AppError, errors, firstFew } from '../errors/index.js';
import type { VariableSpec } from '../graph/variables.js';
import { classesOfHead, headForClasses } from '../model/weights/class-head.js';
import { PACKAGED } from '../model/weights/imagenet.js';
import { pathOfWeights, readWeights } from '../model/weights/read.js';
import { type Adoption, adoptWeights } from '../model/weights/weights.js';
import {
  provideBackboneWeights,
  provideDetectorWeights,
  provideWeightsFrom,
} from '../native/published-weights.js';
import { provideNativeParts } from '../native/setup.js';
import type { Settings } from '../settings.js';

export interface InitialWeights {
  /** null: all weights are random. */
  readonly adoption: Adoption | null;
  /** Whether the run named a whole detector of the same model and classes: a previous version of the one that is trained. */
  readonly isPreviousVersion: boolean;
  /** One line for people: the source of the weights and how many tensors fitted. A warning where better ones were out of reach. */
  readonly note: string;
}

/** With fewer images a detector that starts from random weights learns next to nothing. */
const ENOUGH_FOR_RANDOM_WEIGHTS = 5000;

interface WeightOptions {
  readonly modelName: ModelName;
  readonly specs: readonly VariableSpec[];
  /** Classes of the detector that is trained. */
  readonly classes: readonly string[];
  /** Images that it is trained on. */
  readonly images: number;
  readonly settings: Settings;
}

/** A place where weights may be found. */
interface Source {
  /** Its name for people. */
  readonly name: string;
  /** The path of the weights; null: there are none for this model. */
  readonly find: () => Promise<string | null>;
}

/** The sources in the order in which they are tried: closest to the task first, packaged weights last. */
function sourcesOf(pretrained: 'coco' | 'imagenet', { modelName, settings }: WeightOptions): Source[] {
  const { backbone } = familyOf(modelName);
  const detector: Source = {
    name: `published COCO weights of ${modelName}`,
    find: () => provideDetectorWeights(modelName, settings),
  };
  const published: Source = {
    name: `published ImageNet weights of ${backbone}`,
    find: () => provideBackboneWeights(backbone, settings),
  };
  const packaged: Source = {
    name: `ImageNet weights of EfficientNet-${PACKAGED[backbone]}`,
    find: async () => {
      const variant = PACKAGED[backbone];
      if (!variant) return null;
      const part = `imagenet-${variant}` as const;
      return (await provideNativeParts({ settings, parts: [part] }))[part];
    },
  };
  return pretrained === 'coco' ? [detector, published, packaged] : [published, packaged];
}

/**
 * The weights that training starts from. For `coco` and `imagenet` they are the best that this machine can get: the published
 * checkpoints of google/automl, else the packaged ImageNet backbones. `run:NAME` is the output folder of a run; anything else is an
 * address or a path for `readWeights`. Of a class head, the outputs of classes with the same names are adopted.
 *
 * @throws WEIGHTS_UNAVAILABLE: none can be reached, and the images are too few to start from random weights
 */
export async function loadInitialWeights(
  pretrained: Training['pretrained'],
  options: WeightOptions,
): Promise<InitialWeights> {
  if (pretrained === 'none') return { adoption: null, isPreviousVersion: false, note: 'starts at random' };
  const isNamed = pretrained !== 'coco' && pretrained !== 'imagenet';
  const unreachable: string[] = [];
  const adopt = async (name: string, path: string): Promise<InitialWeights> => {
    const { adoption, known } = await readFitting(path, options);
    const found = describe(name, adoption, known);
    const note =
      unreachable.length === 0 ? found : `warning: out of reach: ${unreachable.join('; ')}; instead ${found}`;
    return { adoption, isPreviousVersion: isNamed && isComplete(adoption), note };
  };
  if (pretrained.includes('://'))
    return adopt(pretrained, await provideWeightsFrom(pretrained, options.settings));
  if (isNamed) return adopt(pretrained, pathOfWeights(pretrained, options.settings));
  for (const { name, find } of sourcesOf(pretrained, options)) {
    const path = await find().catch(nullIfUnavailable);
    if (path !== null) return adopt(name, path);
    unreachable.push(name);
  }
  const { modelName, images } = options;
  if (images < ENOUGH_FOR_RANDOM_WEIGHTS) throw errors.weightsUnavailable(modelName, images, unreachable);
  return {
    adoption: null,
    isPreviousVersion: false,
    note: `warning: starts at random, as no weights can be reached: ${unreachable.join('; ')}`,
  };
}

/** Whether no value stays random, of the class head either. */
const isComplete = ({ missing, mismatched, values }: Adoption): boolean =>
  missing.length + mismatched.length === 0 && ![...values.values()].some(value => value.some(Number.isNaN));

/** Training does without weights that cannot be downloaded, but not with damaged ones. */
function nullIfUnavailable(error: unknown): null {
  if (error instanceof AppError && error.code === 'NATIVE_PART_UNAVAILABLE') return null;
  throw error;
}

/**
 * Reads weights and selects those that fit the network.
 * @returns the weights, and the classes whose outputs of the head were adopted; null: the head is adopted as it is
 */
async function readFitting(
  path: string,
  { modelName, specs, classes }: WeightOptions,
): Promise<{ adoption: Adoption; known: readonly string[] | null }> {
  const { weights, classes: from } = await readWeights(path, {
    backbone: familyOf(modelName).backbone,
    specs,
  });
  if (from === null || from.join('\n') === classes.join('\n'))
    return { adoption: adoptWeights(specs, weights), known: null };
  const head = headForClasses(weights, { from, to: classes });
  return {
    adoption: adoptWeights(specs, head.weights),
    known: classesOfHead(weights) === null ? null : head.known,
  };
}

function describe(source: string, adoption: Adoption, known: readonly string[] | null): string {
  const { adopted, missing, mismatched, extra } = adoption;
  const parts = [
    `${adopted.length} tensors adopted`,
    `${missing.length} stay fresh`,
    mismatched.length &&
      `${mismatched.length} of another shape: ${firstFew(mismatched.map(({ name }) => name))}`,
    extra.length && `${extra.length} not needed`,
    known && (known.length > 0 ? `classes known by name: ${known.join(', ')}` : 'no class is known by name'),
  ];
  return `${source}: ${parts.filter(Boolean).join(', ')}`;
}
