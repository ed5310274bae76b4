import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NmsConfigs } from '../../../src/config/run.js';
import { openDetector } from '../../../src/inference/detector.js';
import { writeModel } from '../../../src/export/model-folder.js';
import { onnxDetections } from '../../../src/export/onnx/detections.js';
import { randomFrom } from '../../../src/random.js';
import { expectParity, largestError } from '../../parity.js';
import { runPython } from '../../python.js';
import { goldenModel } from '../../../bench/fixtures/golden-model.js';

const [HEIGHT, WIDTH, COUNT] = [96, 128, 2];
let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'onnx-detections-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

// Among these images no score lies so near a threshold that rounding decides.
const random = randomFrom('pictures');
const images = Array.from({ length: COUNT }, () => ({
  width: WIDTH,
  height: HEIGHT,
  pixels: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, () => random.integer(256)),
}));

const CHECK = `
import sys, onnx
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
print(",".join(output.name for output in model.graph.output))
`;

describe.each([
  ['class by class', true, { score_thresh: 0.5 }],
  ['all classes', false, { score_thresh: 0.51 }],
  ['class by class, few kept', true, { score_thresh: 0, max_output_size: 7 }],
] as const)('the ONNX file with suppression, %s', (name, per_class, settings) => {
  it('is valid and finds what the SavedModel finds', async test => {
    const { card, weights } = goldenModel('efficientdet-t0', [HEIGHT, WIDTH], 4);
    const folder = join(root, name.replace(/\W+/g, '-'));
    const nms_configs = NmsConfigs.parse({ per_class, ...settings });
    await writeModel(folder, { card: { ...card, nms_configs }, weights });
    const file = join(root, 'detections.onnx');
    await writeFile(
      file,
      onnxDetections(await readFile(join(folder, 'network.onnx')), { ...card, nms_configs }),
    );
    const session = await InferenceSession.create(file);
    const values = Float32Array.from(images.flatMap(({ pixels }) => [...pixels]));
    const found = await session.run({ images: new Tensor('float32', values, [COUNT, HEIGHT, WIDTH, 3]) });
    const read = (output: string): Float32Array => found[output]!.data as Float32Array;
    const max = nms_configs.max_output_size;
    expect(found.detection_boxes!.dims).toEqual([COUNT, max, 4]);
    const expected = await (await openDetector(folder, { engine: 'tensorflow' })).detect(images);
    let [pixels, score, cases] = [0, 0, 0];
    expected.forEach((list, p) => {
      expect(read('num_detections')[p]).toBe(list.length);
      const scores = [...read('detection_scores').subarray(p * max, (p + 1) * max)];
      score = Math.max(score, largestError(scores.slice(0, list.length), list.map(one => one.score))); // prettier-ignore
      expect(scores.slice(list.length).every(rest => rest === 0)).toBe(true);
      list.forEach(({ box, classIndex }, i) => {
        const at = p * max + i;
        expect(read('detection_classes')[at]).toBe(classIndex + 1);
        const sides = [...read('detection_boxes').subarray(4 * at, 4 * at + 4)];
        const clipped = sides.map((side, s) => Math.min(Math.max(side, 0), s % 2 === 0 ? HEIGHT : WIDTH));
        pixels = Math.max(pixels, largestError(clipped, [...box]));
      });
      cases += list.length;
    });
    expect(cases).toBeGreaterThan(10);
    const common = { reference: 'the SavedModel, run by TensorFlow', cases };
    expectParity({ ...common, item: `ONNX file with suppression, ${name}: boxes`, error: pixels, measure: 'pixels', limit: 1e-2 }); // prettier-ignore
    expectParity({ ...common, item: `ONNX file with suppression, ${name}: scores`, error: score, measure: 'absolute', limit: 1e-5 }); // prettier-ignore
    expect(await runPython(CHECK, { test, packages: 'onnx', args: [file] })).toBe(
      'detection_boxes,detection_scores,detection_classes,num_detections\n',
    );
  });
});

describe('a model with Gaussian suppression', () => {
  it('is refused: no ONNX operator implements it', () => {
    const { card } = goldenModel('efficientdet-t0', [64, 64]);
    const nms_configs = NmsConfigs.parse({ method: 'gaussian' });
    expect(() => onnxDetections(new Uint8Array(), { ...card, nms_configs })).toThrow(
      expect.objectContaining({ code: 'ONNX_SOFT_SUPPRESSION' }) as Error,
    );
  });
});
