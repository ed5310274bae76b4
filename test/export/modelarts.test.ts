import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../src/images/decode.js';
import { DEFAULT_SCORE_THRESHOLD } from '../../src/formats/detections.js';
import { openDetector } from '../../src/inference/detector.js';
import { writeConfig } from '../../src/export/modelarts/package.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { expectParity, largestError } from '../parity.js';
import { runPython } from '../python.js';
import { writeLoudModel } from '../../bench/fixtures/loud-model.js';

interface Answer {
  readonly detection_classes: string[];
  readonly detection_boxes: [number, number, number, number][];
  readonly detection_scores: number[];
}
interface Answers {
  readonly files: Answer[];
  readonly texts: Answer[];
  readonly several: Answer[];
  readonly nothing: Answer;
  readonly everything: number;
}

const CLASSES = ['oak', 'elm', 'Föhre'];
const MODEL = 'efficientdet-lite0' as const;

/** A colour ramp with structure, of any size. */
function scene(width: number, height: number): Sharp {
  const pixels = Buffer.from(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (31 * i + 7 * (i % 11)) % 255),
  );
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

describe('a model folder', () => {
  let root = '';
  let model = '';
  beforeAll(async () => {
    await loadTensorFlow();
    await tf.setBackend('tensorflow');
    root = await mkdtemp(join(tmpdir(), 'modelarts-'));
    model = join(root, 'model');
    await writeLoudModel(model, { model: MODEL, classes: CLASSES });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('holds what ModelArts asks for', async () => {
    expect((await readdir(model)).sort()).toEqual(
      expect.arrayContaining(['config.json', 'customize_service.py', 'index', 'saved_model.pb', 'variables']),
    );
    expect(JSON.parse(await readFile(join(model, 'index'), 'utf8'))).toEqual({
      labels_list: CLASSES,
      is_multilabel: false,
      image_shape: [96, 96],
      score_threshold: DEFAULT_SCORE_THRESHOLD,
    });
    const config = JSON.parse(await readFile(join(model, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({
      model_type: 'TensorFlow',
      model_algorithm: 'object_detection',
      apis: [{ protocol: 'https', url: '/', method: 'post' }],
    });
    expect(config).not.toHaveProperty('metrics');
  });

  it('says how good it is once that is known', async () => {
    const folder = await mkdtemp(join(root, 'config-'));
    const metrics = { f1: 0.71, recall: 0.69, precision: 0.73, accuracy: 0.55 };
    await writeConfig(folder, metrics);
    expect(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))).toMatchObject({ metrics });
  });

  it('answers through its service what predict finds: files, JSON, grey, turned and CMYK images', async test => {
    const IMAGES: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
      'plain.png': path => scene(90, 60).png().toFile(path),
      'grey.png': path => scene(64, 80).toColourspace('b-w').png().toFile(path),
      'turned.png': path => scene(70, 50).withMetadata({ orientation: 6 }).png().toFile(path),
      'soft.png': path => scene(40, 40).ensureAlpha().png().toFile(path),
      // Scaled down by more than 2, which the graph filters by other operations.
      'large.png': path => scene(331, 217).png().toFile(path),
    };
    const paths: string[] = [];
    for (const [name, write] of Object.entries(IMAGES)) {
      await write(join(root, name));
      paths.push(join(root, name));
    }
    // Colours of ink are turned into light by different tables: compared below, not here.
    const ink = join(root, 'ink.jpg');
    await scene(60, 60).toColourspace('cmyk').jpeg().toFile(ink);
    const script = fileURLToPath(new URL('serve_model.py', import.meta.url));
    const found = JSON.parse(await runPython(script, { test, args: [model, ...paths, ink] })) as Answers;
    expect(found.texts).toEqual(found.files);
    expect(found.several).toEqual(found.files);
    expect(found.nothing).toEqual({ detection_classes: [], detection_boxes: [], detection_scores: [] });
    expect(found.everything).toBe(100);
    expect(found.files.at(-1)!.detection_scores.length).toBeGreaterThan(0);

    const detector = await openDetector(model, { engine: 'tensorflow' });
    let [pixels, score, count] = [0, 0, 0];
    for (const [i, path] of paths.entries()) {
      const [here] = await detector.detect([await readImage(path)]);
      const shown = here!.filter(detection => detection.score >= DEFAULT_SCORE_THRESHOLD);
      const {
        detection_classes: classes,
        detection_boxes: boxes,
        detection_scores: scores,
      } = found.files[i]!;
      expect(shown.length).toBeGreaterThan(3);
      expect(classes).toEqual(shown.map(({ classIndex }) => CLASSES[classIndex]));
      pixels = Math.max(
        pixels,
        largestError(
          boxes.flat(),
          shown.flatMap(({ box }) => [...box]),
        ),
      );
      score = Math.max(
        score,
        largestError(
          scores,
          shown.map(detection => detection.score),
        ),
      );
      count += shown.length;
    }
    const common = { reference: 'customize_service.py under Python TensorFlow', cases: count, limit: 1e-3 };
    expectParity({ ...common, item: 'ModelArts service: boxes', error: pixels, measure: 'pixels' });
    expectParity({ ...common, item: 'ModelArts service: scores', error: score, measure: 'absolute' });
  });
});
