import { stat } from 'node:fs/promises';
import { familyOf, type ModelName } from '../config/families.js';
import type { Training } from '../config/run.js';
import { AppError, errors } from '../errors.js';
import type { VariableSpec } from '../graph/variables.js';
import { imagenetWeights, PACKAGED } from '../model/weights/imagenet.js';
import { readPytorchState } from '../model/weights/pytorch.js';
import { readTfCheckpoint } from '../model/weights/tf-checkpoint.js';
import { type Adoption, adoptWeights, type Weights } from '../model/weights/weights.js';
import { provideBackboneWeights, provideDetectorWeights } from '../native/published-weights.js';
import { provideNativeParts } from '../native/setup.js';
import type { Settings } from '../settings.js';

export interface Start {
  readonly adoption: Adoption | null;
  /** One line for people: what the weights are and how many tensors fitted. */
  readonly note: string;
}

interface StartOptions {
  readonly modelName: ModelName;
  readonly specs: readonly VariableSpec[];
  readonly settings: Settings;
}

/** A place where weights may be found: what it is called, and its file; null: it has none for this model. */
interface Source {
  readonly name: string;
  readonly find: () => Promise<string | null>;
}

/** In the order they are tried: the closer to the task the better, the packaged ones where nothing can be reached. */
function sourcesOf(pretrained: 'coco' | 'imagenet', { modelName, settings }: StartOptions): Source[] {
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
 * The weights that training starts from. `coco` and `imagenet` take the best that this machine can get: google/automl's
 * published checkpoints, else the packaged ImageNet backbones. A path is a checkpoint's prefix or a PyTorch state file.
 */
export async function startingWeights(
  pretrained: Training['pretrained'],
  options: StartOptions,
): Promise<Start> {
  if (pretrained === 'none') return { adoption: null, note: 'starts at random' };
  const adopt = async (name: string, file: string): Promise<Start> =>
    describe(name, adoptWeights(options.specs, await readWeights(file, options)));
  if (pretrained !== 'coco' && pretrained !== 'imagenet') return adopt(pretrained, pretrained);
  for (const { name, find } of sourcesOf(pretrained, options)) {
    const file = await find().catch(orWithout);
    if (file !== null) return adopt(name, file);
  }
  return { adoption: null, note: 'starts at random: no weights for it can be reached' };
}

/** Weights that cannot be had are done without; weights that are damaged are not. */
function orWithout(error: unknown): null {
  if (error instanceof AppError && error.code === 'NATIVE_PART_UNAVAILABLE') return null;
  throw error;
}

async function readWeights(path: string, { modelName, specs }: StartOptions): Promise<Weights> {
  if (await stat(`${path}.index`).catch(() => null)) return readTfCheckpoint(path);
  if (!(await stat(path).catch(() => null)))
    throw errors.checkpointUnreadable(path, new Error('there is no such checkpoint'));
  return imagenetWeights(await readPytorchState(path), { backbone: familyOf(modelName).backbone, specs });
}

function describe(source: string, adoption: Adoption): Start {
  const { adopted, missing, mismatched, extra } = adoption;
  const rest = [
    `${missing.length} stay fresh`,
    mismatched.length && `${mismatched.length} of another shape`,
    extra.length && `${extra.length} not needed`,
  ];
  return {
    adoption,
    note: `${source}: ${adopted.length} tensors adopted, ${rest.filter(Boolean).join(', ')}`,
  };
}
