import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COCO_LABELS } from '../../../src/formats/coco-labels.js';
import { familyOf } from '../../../src/config/families.js';
import { openDetector } from '../../../src/inference/detector.js';
import { FROZEN_GRAPH, FROZEN_INPUT, frozenOutput } from '../../../src/formats/model-card.js';
import { importCheckpoint } from '../../../src/export/import.js';
import { Program } from '../../../src/graph/execution.js';
import { inlineGraph } from '../../../src/graph/graph-def.js';
import { ProgramBuilder } from '../../../src/graph/program.js';
import { recordingBackend } from '../../../src/graph/recording-backend.js';
import { variableSpecs } from '../../../src/model/efficientdet.js';
import { readWeights } from '../../../src/model/weights/read.js';
import { adoptWeights } from '../../../src/model/weights/weights.js';
import type { ImportInput } from '../../../src/formats/imported-weights.js';
import { loadInitialWeights } from '../../../src/training/initial-weights.js';
import { readSettings } from '../../../src/settings.js';
import { expectParity, largestError } from '../../parity.js';
import { runPython } from '../../python.js';
import { goldenImages, goldenValues } from '../golden-weights.js';

interface Summary {
  readonly shape: number[];
  readonly absmax: number;
  readonly first: number[];
  readonly last: number[];
}
// The official network's answers with these weights.
const GOLDEN = (
  JSON.parse(readFileSync(new URL('../../golden/efficientdet.json', import.meta.url), 'utf8')) as {
    forward: { d0_128: { result: Record<string, Summary> } };
  }
).forward.d0_128.result;

const MODEL = 'efficientdet-d0';
const family = familyOf(MODEL);
const specs = variableSpecs({ family, numClasses: 90 });
const wanted = { backbone: family.backbone, specs };
const SCRIPT = fileURLToPath(new URL('write_checkpoints.py', import.meta.url));

describe('weights that Python TensorFlow wrote', () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  const input = (checkpoint: string, rest: Partial<ImportInput> = {}): ImportInput => ({
    checkpoint,
    model_name: MODEL,
    num_classes: 90,
    classes: null,
    image_size: [128, 128],
    strict: false,
    ...rest,
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foreign-'));
    const values = specs.map(goldenValues);
    const bytes = values.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    );
    await writeFile(at('values.bin'), Buffer.concat(bytes));
    await writeFile(at('variables.json'), JSON.stringify(specs.map(({ name, shape }) => ({ name, shape }))));
    await runPython(SCRIPT, { args: [at('variables.json'), at('values.bin'), folder] });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['plain', 'by name'],
    ['averaged', 'by name, moving averages instead of raw values'],
    ['second', 'by name, of the second model of a process'],
    ['sharded', 'by name, in two files'],
    ['objects', 'by object, TensorFlow 2'],
    ['keras.h5', 'Keras HDF5, by data set'],
    ['whole.h5', 'Keras HDF5, below model_weights'],
  ])('are read from %s: %s', async (file, form) => {
    const { weights, classes } = await readWeights(at(file), wanted);
    const { values, adopted, missing, mismatched } = adoptWeights(specs, weights);
    expect({ missing, mismatched }).toEqual({ missing: [], mismatched: [] });
    expect(classes).toBe(COCO_LABELS);
    expectParity({
      item: `Checkpoint, ${form}`,
      reference: 'TensorFlow and h5py, Python',
      cases: adopted.length,
      error: Math.max(...specs.map(spec => largestError(values.get(spec.name)!, goldenValues(spec)))),
      measure: 'absolute',
      limit: 0,
    });
  });

  it('of a backbone alone are taken, its classifier is not asked for', async () => {
    const { weights } = await readWeights(at('backbone'), wanted);
    const { adopted, missing, extra } = adoptWeights(specs, weights);
    expect(adopted.every(name => name.startsWith('efficientnet-b0/'))).toBe(true);
    expect(missing.some(name => name.startsWith('efficientnet-b0/'))).toBe(false);
    expect(extra).toEqual([]);
  });

  it.each(['averaged', 'objects', 'keras.h5'])('imported from %s, give the official outputs', async file => {
    const model = at(`model-${file}`);
    const report = await importCheckpoint(input(at(file), { strict: file !== 'objects' }), model);
    expect(report).toMatchObject({ adopted: specs.length, missing: [], mismatched: [] });
    // The decay that an optimiser keeps among its own.
    expect(report.extra).toEqual([]);
    const outputs = await runFrozen(model);
    const errors = Object.entries(outputs).map(([name, values]) => {
      const { first, last, absmax } = GOLDEN[name]!;
      const ends = [...values.slice(0, first.length), ...values.slice(-last.length)];
      return largestError(ends, [...first, ...last]) / absmax;
    });
    expectParity({
      item: `Outputs of the model imported from ${file}`,
      reference: 'google/automl, all levels',
      cases: errors.length,
      error: Math.max(...errors),
      measure: 'of the largest value',
      limit: 1e-4,
    });
  });

  it('become a model that sees images', async () => {
    const model = at('seeing');
    const { classes } = await importCheckpoint(input(at('plain')), model);
    expect(classes).toEqual(COCO_LABELS);
    const detector = await openDetector(model, { engine: 'tensorflow' });
    expect(detector.card).toMatchObject({ classes: COCO_LABELS, image_size: [128, 128], model_name: MODEL });
    const pixels = new Uint8Array(60 * 80 * 3).fill(90);
    await expect(detector.detect([{ pixels, width: 80, height: 60 }])).resolves.toHaveLength(1);
  });

  it('for other classes leave the class head fresh, and say so; --strict refuses them', async () => {
    const report = await importCheckpoint(input(at('other-classes')), at('other'));
    expect(report.mismatched).toEqual([
      { name: 'class_net/class-predict/pointwise_kernel', expected: [1, 1, 64, 810], found: [1, 1, 64, 180] },
      { name: 'class_net/class-predict/bias', expected: [810], found: [180] },
    ]);
    await expect(
      importCheckpoint(input(at('other-classes'), { strict: true }), at('strict')),
    ).rejects.toMatchObject({
      code: 'CHECKPOINT_INCOMPLETE',
      message: expect.stringContaining('2 with a different shape: class_net/class-predict') as string,
    });
    const right = await importCheckpoint(
      input(at('other-classes'), { num_classes: 20, strict: true }),
      at('20'),
    );
    expect(right.classes).toEqual(Array.from({ length: 20 }, (_, i) => `class-${i + 1}`));
  });

  it('of another network are refused', async () => {
    const lite = input(at('backbone'), { model_name: 'efficientdet-lite0' });
    await expect(importCheckpoint(lite, at('lite'))).rejects.toMatchObject({ code: 'CHECKPOINT_FOREIGN' });
  });

  it.each([
    ['none', 'there is no such checkpoint'],
    [
      'values.bin',
      'unknown format; allowed: a TensorFlow checkpoint, a Keras HDF5 file or a PyTorch state file',
    ],
    ['.', 'name one by its prefix'],
  ])('are not found in %s', async (name, message) => {
    await expect(readWeights(at(name), wanted)).rejects.toThrow(message);
  });

  it('that are cut off are named', async () => {
    const bytes = await readFile(at('keras.h5'));
    await writeFile(at('short.h5'), bytes.subarray(0, 4000));
    await expect(readWeights(at('short.h5'), wanted)).rejects.toMatchObject({
      code: 'CHECKPOINT_UNREADABLE',
    });
  });

  it('start a training: COCO classes of the same name are taken over, the others stay fresh', async () => {
    const classes = ['Dog', 'tree', 'person'];
    const own = variableSpecs({ family, numClasses: classes.length });
    const { adoption, note } = await loadInitialWeights(at('plain'), {
      modelName: MODEL,
      specs: own,
      classes,
      images: 1,
      settings: readSettings({ DETDISTILL_HOME: folder }),
    });
    expect(adoption!.adopted.length).toBe(specs.length);
    expect(note).toContain('classes known by name: Dog, person');
    const bias = adoption!.values.get('class_net/class-predict/bias')!;
    const whole = goldenValues(specs.find(({ name }) => name === 'class_net/class-predict/bias')!);
    const slot = (name: string): number => COCO_LABELS.indexOf(name);
    for (let anchor = 0; anchor < 9; anchor++)
      expect([...bias.subarray(anchor * 3, anchor * 3 + 3)]).toEqual([
        whole[anchor * 90 + slot('dog')],
        NaN,
        whole[anchor * 90 + slot('person')],
      ]);
  });

  it('start a training for classes that they do not know, all but the class head', async () => {
    await mkdir(at('run'), { recursive: true });
    const classes = ['oak', 'elm'];
    const { adoption, note } = await loadInitialWeights(at('plain'), {
      modelName: MODEL,
      specs: variableSpecs({ family, numClasses: classes.length }),
      classes,
      images: 1,
      settings: readSettings({ DETDISTILL_HOME: folder }),
    });
    expect(adoption!.missing).toEqual([
      'class_net/class-predict/pointwise_kernel',
      'class_net/class-predict/bias',
    ]);
    expect(note).toContain('no class is known by name');
  });
});

/** Raw maps of the golden image. */
async function runFrozen(model: string): Promise<Record<string, Float32Array>> {
  const bytes = await readFile(join(model, FROZEN_GRAPH));
  const builder = new ProgramBuilder();
  builder.signature('run', { images: { shape: [1, 128, 128, 3], dtype: 'float32' } }, ({ images }) => {
    const answerOf = inlineGraph(builder.graph, bytes, {
      [FROZEN_INPUT]: recordingBackend.outputOf(images!),
    });
    return Object.fromEntries(
      [3, 4, 5, 6, 7].flatMap(level =>
        (['class', 'box'] as const).map(head => {
          const name = `${head === 'class' ? 'cls' : 'box'}_${level}`;
          const { shape } = GOLDEN[name]!;
          const output = answerOf(frozenOutput(head, level))!;
          return [name, recordingBackend.tensorOf(output, { shape, dtype: 'float32' })] as const;
        }),
      ),
    );
  });
  const folder = `${model}.run`;
  await builder.write(folder);
  const images = tf.tensor4d(goldenImages(128, 128), [1, 128, 128, 3]);
  const outputs = await new Program(folder).run('run', { images });
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [name, tensor.dataSync<'float32'>()]),
  );
}
