import { ASPECT_RATIOS, familyOf, type ModelName } from '../../src/config/families.js';
import { NmsConfigs } from '../../src/config/run.js';
import { modelCard } from '../../src/formats/model-card.js';
import { writeModel } from '../../src/export/model-folder.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { goldenValues } from '../model/golden-weights.js';

interface LoudOptions {
  readonly model: ModelName;
  readonly classes: readonly string[];
  /** Of the logits: models that differ in it differ in their answers. */
  readonly loudness?: number;
  /** [height, width] of the network input. */
  readonly imageSize?: readonly [number, number];
}

/** Writes a model of golden weights with loud logits: some detections are sure, others are not. Needs TensorFlow. */
export async function writeLoudModel(
  folder: string,
  { model, classes, loudness = 6, imageSize = [96, 96] }: LoudOptions,
): Promise<void> {
  const specs = variableSpecs({ family: familyOf(model), numClasses: classes.length });
  const weights = new Map(
    specs.map(spec => {
      const isLoud = spec.name.includes('class-predict/point');
      const values = goldenValues(spec).map(value => (isLoud ? loudness * value : value));
      return [spec.name, { shape: spec.shape, values }];
    }),
  );
  const card = modelCard({
    model_name: model,
    classes: [...classes],
    image_size: [...imageSize],
    aspect_ratios: [...ASPECT_RATIOS],
    nms_configs: NmsConfigs.parse({}),
    step: 1,
    metrics: {},
  });
  await writeModel(folder, { card, weights });
}
