import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import type { Serving } from '../../src/serving/serve.js';
import type { Prediction } from '../../src/serving/response.js';
import { largestError } from '../parity.js';
import { runPython } from '../python.js';
import {
  ask,
  b64,
  CLASSES,
  folderWithModel,
  metric,
  nested,
  noise,
  serveModels,
  stopAndRemove,
} from './scene.js';

interface Rows {
  readonly predictions: Prediction[];
}
interface Columns {
  readonly outputs: {
    readonly detection_boxes: number[][][];
    readonly detection_classes: number[][];
    readonly detection_scores: number[][];
    readonly num_detections: number[];
  };
}

let root = '';
let model = '';
let serving: Serving;
let url = '';
beforeAll(async () => {
  ({ root, model } = await folderWithModel());
  const limits = { max_images: 9, max_body_mib: 4, max_megapixels: 1 };
  serving = await serveModels(
    root,
    { trees: { path: model, labels: { stable: 1, gone: 7 } } },
    { forGood: true, ...limits },
  );
  url = `${serving.address}/v1/models/trees`;
});
afterAll(() => stopAndRemove(serving, root));

const rows = async (instances: unknown[], address = url): Promise<Prediction[]> => {
  const { status, body } = await ask<Rows>(`${address}:predict`, { instances });
  expect([status, Object.keys(body)]).toEqual([200, ['predictions']]);
  return body.predictions;
};

describe('predict', () => {
  it('answers Python TensorFlow’s numbers, padded to the same tensors, in both forms', async test => {
    const images = [await nested(noise('a', 70, 50)), await nested(noise('b', 70, 50))];
    const script = fileURLToPath(new URL('read_served.py', import.meta.url));
    const python = JSON.parse(
      await runPython(script, { test, args: [model], input: JSON.stringify(images) }),
    ) as Columns & { signatures: unknown };
    const { status, body } = await ask<Columns>(`${url}:predict`, { inputs: { images: images } });
    expect(status).toBe(200);
    expect(body.outputs.num_detections).toEqual(python.outputs.num_detections);
    expect(Math.max(...body.outputs.num_detections)).toBeGreaterThan(5);
    expect(body.outputs.detection_classes).toEqual(python.outputs.detection_classes);
    const error = (key: 'detection_scores' | 'detection_boxes'): number =>
      largestError(body.outputs[key].flat(2), python.outputs[key].flat(2));
    expect(body.outputs.detection_boxes.flat(2).length).toBe(2 * 100 * 4);
    expect(error('detection_scores')).toBeLessThan(1e-5);
    expect(error('detection_boxes')).toBeLessThan(1e-3);

    const predictions = await rows(images);
    predictions.forEach((prediction, i) => {
      expect(prediction).toEqual({
        detection_boxes: body.outputs.detection_boxes[i],
        detection_classes: body.outputs.detection_classes[i],
        detection_scores: body.outputs.detection_scores[i],
        num_detections: body.outputs.num_detections[i],
      });
    });

    const metadata = await ask<object>(`${url}/metadata`);
    expect(metadata.body).toEqual({
      model_spec: { name: 'trees', signature_name: '', version: '1' },
      metadata: { signature_def: { signature_def: python.signatures } },
    });
  });

  it('takes files in base64 as it takes their values, and images of several sizes in one request', async () => {
    const images = [noise('a', 90, 60), noise('b', 41, 77), noise('c', 90, 60)];
    const files = await Promise.all(images.map(one => one.clone().png().toBuffer()));
    const values = await Promise.all(images.map(nested));
    const fromFiles = await rows(files.map(b64));
    expect(fromFiles.map(({ num_detections }) => num_detections > 0)).toEqual([true, true, true]);
    expect(await rows(files.map(file => ({ images: b64(file) })))).toEqual(fromFiles);
    expect(await rows(values)).toEqual(fromFiles);
    expect(await rows(values.map(images => ({ images })))).toEqual(fromFiles);
    // Alone or together, an image gets the same answer.
    const alone = await rows([b64(files[1]!)]);
    expect(largestError(alone[0]!.detection_boxes.flat(), fromFiles[1]!.detection_boxes.flat())).toBeLessThan(
      1e-3,
    );
    const column = await ask<Columns>(`${url}:predict`, {
      inputs: files.map(b64),
      signature_name: 'serving_default',
    });
    expect(column.body.outputs.num_detections).toEqual(fromFiles.map(one => one.num_detections));
  });

  it('turns images upright, and makes grey and transparent ones RGB', async () => {
    const plain = noise('turn', 70, 50);
    const turned = await plain.clone().rotate(270).png().toBuffer();
    const tagged = await plain.clone().rotate(270).withMetadata({ orientation: 6 }).png().toBuffer();
    const [upright, told, untold] = await rows([
      b64(await plain.clone().png().toBuffer()),
      b64(tagged),
      b64(turned),
    ]);
    expect(told).toEqual(upright);
    expect(untold).not.toEqual(upright);
    const grey = await noise('grey', 40, 40).toColourspace('b-w').png().toBuffer();
    const soft = await noise('soft', 40, 40).ensureAlpha().png().toBuffer();
    expect((await rows([b64(grey), b64(soft)])).length).toBe(2);
  });

  it('takes values between those of a byte', async () => {
    const whole = await nested(noise('a', 50, 50));
    const half = whole.map(row => row.map(pixel => pixel.map(value => value + 0.25)));
    const [near, far] = [(await rows([half]))[0]!, (await rows([whole]))[0]!];
    expect(near.detection_scores).not.toEqual(far.detection_scores);
    expect(largestError(near.detection_scores.slice(0, 5), far.detection_scores.slice(0, 5))).toBeLessThan(
      0.05,
    );
  });

  it('finds a version by number and by label', async () => {
    const file = b64(await noise('a', 50, 50).png().toBuffer());
    const newest = await rows([file]);
    expect(await rows([file], `${url}/versions/1`)).toEqual(newest);
    expect(await rows([file], `${url}/labels/stable`)).toEqual(newest);
  });

  it('answers in ModelArts’ form to files and to their text', async () => {
    const files = await Promise.all(['a', 'b'].map(name => noise(name, 90, 60).png().toBuffer()));
    const form = new FormData();
    files.forEach((file, i) => form.append('images', new Blob([new Uint8Array(file)]), `${i}.png`));
    const sent = await fetch(`${serving.address}/`, { method: 'POST', body: form });
    const answers = (await sent.json()) as { detection_classes: string[]; detection_scores: number[] }[];
    const [first] = await rows([b64(files[0]!)]);
    const shown = first!.detection_scores.filter(score => score >= 0.3);
    expect(shown.length).toBeGreaterThan(0);
    expect(answers.length).toBe(2);
    expect(answers[0]).toEqual({
      detection_classes: first!.detection_classes.slice(0, shown.length).map(id => CLASSES[id - 1]),
      detection_boxes: first!.detection_boxes.slice(0, shown.length),
      detection_scores: shown,
    });
    const json = await fetch(`${serving.address}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ images: b64(files[0]!).b64 }),
    });
    expect(await json.json()).toEqual(answers[0]);
  });
});

describe('a model’s status', () => {
  it('lists its versions, and one by number or label', async () => {
    const status = {
      model_version_status: [
        { version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
      ],
    };
    for (const path of ['', '/versions/1', '/labels/stable'])
      expect(await ask(`${url}${path}`)).toMatchObject({ status: 200, body: status });
  });
});

describe('errors', () => {
  const image = [[[1, 2, 3]]];
  it.each([
    [400, {}, 'request: must have either instances or inputs'],
    [400, { instances: [image], inputs: [image] }, 'request: must have either instances or inputs'],
    [400, [], 'request: must be a JSON object'],
    [400, { instances: [] }, 'instances: must be a list of at least one image'],
    [400, { instances: [image], signature: 'x' }, 'signature: unknown key'],
    [
      400,
      { instances: [image], signature_name: 'other' },
      'unknown signature "other"; allowed: serving_default',
    ],
    [
      400,
      { instances: [{ pixels: image }] },
      "instances[0]: has pixels; allowed: images, the model's only input",
    ],
    [400, { instances: [image, [[[1, 2]]]] }, 'instances[1][0][0]: must be [red, green, blue]'],
    [400, { instances: [[[[1, 2, 'x']]]] }, 'instances[0][0][0]: must be numbers'],
    [
      400,
      {
        instances: [
          [
            [[1, 2, 3]],
            [
              [1, 2, 3],
              [4, 5, 6],
            ],
          ],
        ],
      },
      'instances[0][1]: must be a list of 1 pixels',
    ],
    [400, { inputs: [image, [...image, ...image]] }, 'inputs[1]: is [2, 1, 3], inputs[0] [1, 1, 3]'],
    [400, { instances: [{ b64: 'a b' }] }, 'instances[0]: b64 is not base64'],
    [400, { instances: [{ b64: 'AAAA' }] }, 'instances[0]: not an image: '],
    [413, { instances: new Array(10).fill(image) }, 'instances: 10 images, at most 9'],
  ])('%i: %j', async (status, body, message) => {
    const answer = await ask(`${url}:predict`, body);
    expect([answer.status, Object.keys(answer.body)]).toEqual([status, ['error']]);
    expect(answer.body.error).toContain(message);
  });

  it.each([
    ['/v1/models/bees', 'model bees is not served; available: trees'],
    ['/v1/models/trees/versions/2', 'trees version 2 is not served; available: trees version 1'],
    ['/v1/models/trees/labels/gone', 'trees label gone is not served'],
    ['/v1/modles', 'GET /v1/modles: no such route'],
  ])('404: %s', async (path, message) => {
    const answer = await ask(`${serving.address}${path}`);
    expect(answer).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining(message) as string },
    });
  });

  it('names other calls, and what is not JSON', async () => {
    expect(await ask(`${url}:classify`, {})).toMatchObject({ status: 400 });
    const broken = await fetch(`${url}:predict`, { method: 'POST', body: '{"instances": [' });
    expect([broken.status, await broken.json()]).toEqual([
      400,
      { error: expect.stringMatching(/^request: not JSON/) as string },
    ]);
  });

  it('refuses what is too large before it is decoded: a body, an image', async () => {
    const large = await ask(`${url}:predict`, { instances: [{ b64: 'A'.repeat(5 * 2 ** 20) }] });
    expect(large.status).toBe(413);
    // Black compresses well: some kilobytes that would become hundreds of megabytes.
    const bomb = await noise('x', 1, 1).resize(12_000, 12_000, { kernel: 'nearest' }).png().toBuffer();
    const started = performance.now();
    await sharp(bomb).extract({ left: 11_999, top: 11_999, width: 1, height: 1 }).raw().toBuffer();
    const decoded = performance.now();
    const refused = await ask(`${url}:predict`, { instances: [b64(bomb)] });
    expect(refused.body.error).toBe('instances[0]: 12000 × 12000 pixels, at most 1 MP allowed');
    expect(refused.status).toBe(413);
    expect(performance.now() - decoded).toBeLessThan(decoded - started);
    const svg = b64(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'));
    expect((await ask(`${url}:predict`, { instances: [svg] })).body.error).toBe(
      'instances[0]: svg; allowed: jpeg, png, webp',
    );
  });
});

describe('for those who watch it', () => {
  it('it says that it lives and is ready, and counts what it does', async () => {
    expect((await ask(`${serving.address}/healthz`)).status).toBe(200);
    expect((await ask(`${serving.address}/readyz`)).status).toBe(200);
    const line = 'detdistill_serving_requests_total{model="trees",version="1",code="200"}';
    const before = await metric(serving.address, line);
    await rows([b64(await noise('a', 50, 50).png().toBuffer())]);
    await expect.poll(() => metric(serving.address, line)).toBe(before + 1);
    expect(await metric(serving.address, 'detdistill_serving_in_flight_images')).toBe(0);
    const other = await fetch(`${serving.address}/monitoring/prometheus/metrics`);
    expect(other.headers.get('content-type')).toContain('text/plain');
    expect(await other.text()).toContain(
      'detdistill_serving_model_load_duration_seconds{model="trees",version="1"}',
    );
  });
});
