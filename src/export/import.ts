import { COCO_LABELS } from '../formats/coco-labels.js';
import { ASPECT_RATIOS, familyOf } from '../config/families.js';
import { NmsConfigs } from '../config/run.js';
import { modelCard } from '../formats/model-card.js';
import { errors } from '../errors/index.js';
import { variableSpecs } from '../model/efficientdet.js';
import { readWeights } from '../model/weights/read.js';
import { adoptWeights, type Weights } from '../model/weights/weights.js';
import type { ImportInput, ImportReport } from '../formats/imported-weights.js';
import { freshWeights, writeModel } from './model-folder.js';

/** The seed of the variables that a checkpoint lacks. */
const SEED = 1;

/** Makes a model folder of weights from elsewhere. @returns which variables were adopted and which were not */
export async function importCheckpoint(input: ImportInput, folder: string): Promise<ImportReport> {
  const { checkpoint, model_name, strict } = input;
  const family = familyOf(model_name);
  const numClasses = input.classes?.length ?? input.num_classes;
  const specs = variableSpecs({ family, numClasses });
  const { weights, classes } = await readWeights(checkpoint, { backbone: family.backbone, specs });
  const adoption = adoptWeights(specs, weights);
  const { adopted, missing, mismatched, extra } = adoption;
  const isPartial = missing.length + mismatched.length > 0;
  if (adopted.length === 0) throw errors.checkpointForeign({ checkpoint, model_name, extra });
  if (strict && (isPartial || extra.length > 0))
    throw errors.checkpointIncomplete({ checkpoint, model_name, missing, mismatched, extra });
  const fresh: Weights = isPartial ? await freshWeights(folder, { specs, seed: SEED }) : new Map();
  const complete = new Map(
    specs.map(({ name, shape }) => {
      const values = adoption.values.get(name);
      return [name, values ? { shape, values } : fresh.get(name)!];
    }),
  );
  const card = modelCard({
    model_name,
    classes: namesFor(numClasses, input.classes ?? classes),
    image_size: input.image_size ? [...input.image_size] : [family.imageSize, family.imageSize],
    aspect_ratios: [...ASPECT_RATIOS],
    nms_configs: NmsConfigs.parse({}),
    step: 0,
    metrics: {},
  });
  await writeModel(folder, { card, weights: complete });
  return { adopted: adopted.length, missing, mismatched, extra, classes: card.classes };
}

/** Known names where there are as many as the head has; COCO's; else numbers. */
function namesFor(count: number, known: readonly string[] | null): string[] {
  if (known?.length === count) return [...known];
  if (count === COCO_LABELS.length) return [...COCO_LABELS];
  return Array.from({ length: count }, (_, i) => `class-${i + 1}`);
}
