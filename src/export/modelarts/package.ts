import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard } from '../../formats/model-card.js';
import { DEFAULT_SCORE_THRESHOLD } from '../../formats/detections.js';
import type { ConfigMetrics } from '../../formats/model-config.js';

const SERVICE = 'customize_service.py';
const CONFIG = 'config.json';

/** Python is not compiled: it lies in the sources, which an installed package carries too. */
const serviceSource = (): URL =>
  new URL(
    import.meta.url.endsWith('.ts') ? SERVICE : `../../../../src/export/modelarts/${SERVICE}`,
    import.meta.url,
  );

/** What ModelArts asks of a model folder beside the SavedModel: `index`, customize_service.py, config.json. */
export async function writeModelArtsFiles(
  folder: string,
  { classes, image_size }: Pick<ModelCard, 'classes' | 'image_size'>,
): Promise<void> {
  const index = {
    labels_list: classes,
    is_multilabel: false,
    image_shape: image_size,
    score_threshold: DEFAULT_SCORE_THRESHOLD,
  };
  await writeFile(join(folder, 'index'), `${JSON.stringify(index)}\n`);
  await copyFile(serviceSource(), join(folder, SERVICE));
  await writeConfig(folder, null);
}

const numbers = { type: 'array', items: [{ type: 'number' }] } as const;
const RESPONSE = {
  detection_classes: { type: 'array', items: [{ type: 'string' }] },
  detection_boxes: { type: 'array', items: [{ ...numbers, minItems: 4, maxItems: 4 }] },
  detection_scores: numbers,
} as const;

const atLeast = (package_name: string, package_version: string) => ({
  package_name,
  package_version,
  restraint: 'ATLEAST',
});

/** config.json: how the model is called and what it needs. @param metrics at the best threshold, once they are known */
export async function writeConfig(folder: string, metrics: ConfigMetrics | null): Promise<void> {
  const object = (properties: object) => ({ type: 'object', properties });
  const config = {
    model_algorithm: 'object_detection',
    model_type: 'TensorFlow',
    runtime: 'tf2.1-python3.7',
    ...(metrics && { metrics }),
    apis: [
      {
        protocol: 'https',
        url: '/',
        method: 'post',
        request: { 'Content-type': 'multipart/form-data', data: object({ images: { type: 'file' } }) },
        response: { 'Content-type': 'application/json', data: object(RESPONSE) },
      },
    ],
    dependencies: [{ installer: 'pip', packages: [atLeast('numpy', '1.15.0'), atLeast('Pillow', '6.0.0')] }],
  };
  await writeFile(join(folder, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
}
