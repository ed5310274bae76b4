import { stat } from 'node:fs/promises';
import type { FamilyRow } from '../config/families.js';
import type { Training } from '../config/run.js';
import { AppError, errors, messageOf } from '../errors.js';
import type { VariableSpec } from '../graph/variables.js';
import { imagenetWeights, PACKAGED } from '../model/weights/imagenet.js';
import { readPytorchState } from '../model/weights/pytorch.js';
import { readTfCheckpoint } from '../model/weights/tf-checkpoint.js';
import { type Adoption, adoptWeights, type Weights } from '../model/weights/weights.js';
import { provideNativeParts } from '../native/setup.js';
import type { Settings } from '../settings.js';

export interface Start {
  readonly adoption: Adoption | null;
  /** One line for people: what the weights are and how many tensors fitted. */
  readonly note: string;
}

/**
 * The weights that training starts from. `coco` and `imagenet` take what can be had on this machine: the packaged
 * ImageNet backbones; a path is a checkpoint's prefix or a PyTorch state file.
 */
export async function startingWeights(
  pretrained: Training['pretrained'],
  { family, specs, settings }: { family: FamilyRow; specs: readonly VariableSpec[]; settings: Settings },
): Promise<Start> {
  if (pretrained === 'none') return { adoption: null, note: 'starts at random' };
  if (pretrained !== 'coco' && pretrained !== 'imagenet')
    return describe(pretrained, adoptWeights(specs, await readWeights(pretrained, family, specs)));
  const packaged = PACKAGED[family.backbone];
  if (!packaged)
    return { adoption: null, note: `starts at random: no packaged weights fit ${family.backbone}` };
  try {
    const part = `imagenet-${packaged}` as const;
    const file = (await provideNativeParts({ settings, parts: [part] }))[part];
    return describe(
      `ImageNet weights of EfficientNet-${packaged}`,
      adoptWeights(specs, await readWeights(file, family, specs)),
    );
  } catch (error) {
    // Weights that cannot be had are done without; weights that are damaged are not.
    if (!(error instanceof AppError) || error.code !== 'NATIVE_PART_UNAVAILABLE') throw error;
    return { adoption: null, note: `starts at random: ${messageOf(error).split('\n')[0]}` };
  }
}

async function readWeights(
  path: string,
  family: FamilyRow,
  specs: readonly VariableSpec[],
): Promise<Weights> {
  if (await stat(`${path}.index`).catch(() => null)) return readTfCheckpoint(path);
  if (!(await stat(path).catch(() => null)))
    throw errors.checkpointUnreadable(path, new Error('there is no such checkpoint'));
  return imagenetWeights(await readPytorchState(path), { backbone: family.backbone, specs });
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
