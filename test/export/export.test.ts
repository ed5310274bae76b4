import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyOf } from '../../src/config/families.js';
import type { Image } from '../../src/images/decode.js';
import { openDetector } from '../../src/inference/detector.js';
import { exportModel } from '../../src/export/export.js';
import { Program } from '../../src/graph/execution.js';
import { ProgramBuilder } from '../../src/graph/program.js';
import { loadTensorFlow } from '../../src/graph/tensorflow.js';
import { variableSpecs } from '../../src/model/efficientdet.js';
import { goldenValues } from '../model/golden-weights.js';
import { expectParity, largestError } from '../parity.js';
import { runPython } from '../python.js';
import { METRICS } from '../stages/script.js';

const MODEL = 'efficientdet-lite0';
const SIZE = [96, 96] as const;
const CLASSES = Array.from({ length: 90 }, (_, i) => `class ${i + 1}`);

interface Summary {
  readonly shape: number[];
  readonly first: number[];
  readonly last: number[];
  readonly absmax: number;
}
interface FromPython {
  readonly frozen: Record<string, Summary>;
  readonly batch_of_three: number[];
  readonly signatures: string[];
  readonly variables: number;
  readonly saved_model: {
    detection_boxes: number[][][];
    detection_scores: number[][];
    detection_classes: number[][];
    num_detections: number[];
  };
}

/** A training artifact whose best checkpoint holds the golden weights. */
async function trainedFolder(root: string): Promise<string> {
  const specs = variableSpecs({ family: familyOf(MODEL), numClasses: CLASSES.length });
  const builder = new ProgramBuilder();
  for (const spec of specs) builder.declare(spec);
  builder.addAdoption();
  builder.addCheckpointing();
  await builder.write(join(root, 'writer'));
  const program = new Program(join(root, 'writer'));
  await program.execute(
    'adopt',
    Object.fromEntries(specs.map(spec => [spec.name, tf.tensor(goldenValues(spec), [...spec.shape])])),
  );
  await mkdir(join(root, 'trained', 'archive'), { recursive: true });
  await program.execute('save', {
    prefix: tf.scalar(join(root, 'trained', 'archive', 'model.ckpt-7'), 'string'),
  });
  const state = {
    model_name: MODEL,
    image_size: SIZE,
    classes: CLASSES,
    role: 'teacher',
    seed: 1,
    step: 9,
    moving_average_decay: 0,
    best: { step: 7, metrics: { ...METRICS, AP: 0.25 } },
    backoff: { learning_rate: 1, distillation: 1 },
    lowest_losses: {},
    loss_averages: {},
    taught_until: null,
    history: { stepsPerEpoch: 3, totalSteps: 9, points: [], evaluations: [], warnings: [], rollbacks: [] },
  };
  await writeFile(join(root, 'trained', 'training.json'), JSON.stringify(state));
  return join(root, 'trained');
}

const image = (width: number, height: number, offset = 0): Image => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => (31 * (i + offset) + 7) % 255),
});

describe('an exported model', () => {
  let root = '';
  let model = '';
  beforeAll(async () => {
    await loadTensorFlow();
    await tf.setBackend('tensorflow');
    root = await mkdtemp(join(tmpdir(), 'export-'));
    model = join(root, 'model');
    await exportModel({ trainedFolder: await trainedFolder(root), imageSize: null, folder: model });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('is a folder with its graphs, the variables, and what they do not say themselves', async () => {
    expect((await readdir(model)).sort()).toEqual([
      'config.json',
      'customize_service.py',
      'frozen_graph.pb',
      'index',
      'model.json',
      'network.onnx',
      'saved_model.pb',
      'variables',
    ]);
    expect((await readdir(join(model, 'variables'))).sort()).toEqual([
      'variables.data-00000-of-00001',
      'variables.index',
    ]);
    const card = JSON.parse(await readFile(join(model, 'model.json'), 'utf8')) as Record<string, unknown>;
    expect(card).toMatchObject({ model_name: MODEL, step: 7, metrics: { AP: 0.25 } });
  });

  it('gives Python TensorFlow the numbers of the official network, and the detections that it gives here', async test => {
    const script = fileURLToPath(new URL('read_model.py', import.meta.url));
    const python = JSON.parse(await runPython(script, { test, args: [model, '96', '96'] })) as FromPython;
    const golden = JSON.parse(
      await readFile(new URL('../golden/efficientdet.json', import.meta.url), 'utf8'),
    ) as { forward: { lite0_96: { result: Record<string, Summary> } } };
    const maps = [3, 4, 5, 6, 7].flatMap(level => [
      [`class_predict_${level}`, `cls_${level}`] as const,
      [`box_predict_${level}`, `box_${level}`] as const,
    ]);
    const errors = maps.map(([name, official]) => {
      const [found, expected] = [python.frozen[name]!, golden.forward.lite0_96.result[official]!];
      expect(found.shape).toEqual(expected.shape);
      const ends = ({ first, last }: Summary): number[] => [...first, ...last];
      return largestError(ends(found), ends(expected)) / expected.absmax;
    });
    expectParity({
      item: 'Exported frozen graph, run by Python TensorFlow',
      reference: 'google/automl network',
      cases: maps.length,
      error: Math.max(...errors),
      measure: 'of the largest value',
      limit: 1e-4,
    });
    expect(python.batch_of_three[0]).toBe(3);
    expect(python.signatures).toEqual(['serving_default']);
    expect(python.variables).toBe(variableSpecs({ family: familyOf(MODEL), numClasses: 90 }).length);

    const detector = await openDetector(model, { engine: 'tensorflow' });
    const here = await detector.detect([image(70, 50), image(70, 50, 70 * 50 * 3)]);
    let [pixels, scoreError] = [0, 0];
    python.saved_model.detection_scores.forEach((scores, p) => {
      const found = here[p]!;
      expect(found.length).toBe(python.saved_model.num_detections[p]);
      expect(found.map(({ classIndex }) => classIndex + 1)).toEqual(
        python.saved_model.detection_classes[p]!.slice(0, found.length),
      );
      found.forEach(({ score, box }, i) => {
        scoreError = Math.max(scoreError, Math.abs(score - scores[i]!));
        pixels = Math.max(pixels, largestError(box, python.saved_model.detection_boxes[p]![i]!));
      });
    });
    const common = { reference: 'TensorFlow, Python', cases: here.flat().length };
    expectParity({
      ...common,
      item: 'Exported SavedModel: boxes',
      error: pixels,
      measure: 'pixels',
      limit: 1e-2,
    });
    expectParity({
      ...common,
      item: 'Exported SavedModel: scores',
      error: scoreError,
      measure: 'absolute',
      limit: 1e-5,
    });
  });

  it('suppresses as it was trained to, in Python TensorFlow too', async test => {
    const trained = join(root, 'trained');
    const state = JSON.parse(await readFile(join(trained, 'training.json'), 'utf8')) as object;
    const soft = join(root, 'soft-trained');
    await cp(trained, soft, { recursive: true });
    const nms_configs = { method: 'gaussian', per_class: false };
    await writeFile(join(soft, 'training.json'), JSON.stringify({ ...state, nms_configs }));
    const folder = join(root, 'soft');
    await exportModel({ trainedFolder: soft, imageSize: null, folder });
    const script = fileURLToPath(new URL('read_model.py', import.meta.url));
    const python = JSON.parse(await runPython(script, { test, args: [folder, '96', '96'] })) as FromPython;
    const here = await (
      await openDetector(folder, { engine: 'tensorflow' })
    ).detect([image(70, 50), image(70, 50, 70 * 50 * 3)]);
    const scores = here.map(found => found.map(({ score }) => score));
    expect(scores.map(list => list.length)).toEqual(python.saved_model.num_detections);
    scores.forEach((list, p) => {
      expect(largestError(list, python.saved_model.detection_scores[p]!.slice(0, list.length))).toBeLessThan(
        1e-5,
      );
    });
    const hard = await (await openDetector(model, { engine: 'tensorflow' })).detect([image(70, 50)]);
    expect(hard[0]!.map(({ score }) => score)).not.toEqual(scores[0]);
  });

  it('takes images of any size and number, and answers in their pixels', async () => {
    const detector = await openDetector(model, { engine: 'tensorflow' });
    for (const [width, height, count] of [
      [41, 41, 1],
      [200, 33, 3],
      [96, 96, 2],
      [7, 500, 1],
    ] as const) {
      // prettier-ignore
      const found = await detector.detect(Array.from({ length: count }, () => image(width, height)));
      expect(found.length).toBe(count);
      for (const { box } of found.flat()) {
        expect(Math.min(...box)).toBeGreaterThanOrEqual(0);
        expect(Math.max(box[0], box[2])).toBeLessThanOrEqual(height);
        expect(Math.max(box[1], box[3])).toBeLessThanOrEqual(width);
      }
    }
  });

  it('can be exported for another input size: weights do not depend on it', async () => {
    const other = join(root, 'larger');
    const card = await exportModel({
      trainedFolder: join(root, 'trained'),
      imageSize: [128, 160],
      folder: other,
    });
    expect(card.image_size).toEqual([128, 160]);
    expect(
      (await (await openDetector(other, { engine: 'tensorflow' })).detect([image(64, 64)]))[0]!.length,
    ).toBeGreaterThan(0);
  });
});
