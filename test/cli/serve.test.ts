import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Prediction as FoundByPredict } from '../../src/formats/prediction.js';
import type { Prediction } from '../../src/serving/response.js';
import { readSettings } from '../../src/settings.js';
import { ask, b64, CLASSES, folderWithModel, noise } from '../serving/scene.js';
import { detdistill } from './command-line.js';

let root = '';
let model = '';
beforeAll(async () => {
  ({ root, model } = await folderWithModel());
});
afterAll(() => rm(root, { recursive: true, force: true }));

const PROGRAM = join(import.meta.dirname, '../../bin/detdistill.mjs');

interface Started {
  readonly address: string;
  readonly lines: string;
  stop(signal?: NodeJS.Signals): Promise<{ status: number | null; stderr: string }>;
}

/** The command, as a person starts it, once it has said that it serves. */
async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', ...args], {
    env: { ...process.env, DETDISTILL_HOME: readSettings().home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stderr.on('data', chunk => (said.stderr += String(chunk)));
  child.stdout.on('data', chunk => (said.stdout += String(chunk)));
  const closed = once(child, 'close') as Promise<[number | null]>;
  await Promise.race([once(child.stdout, 'data'), closed]);
  const [address] = /http:\/\/[\d.]+:\d+/.exec(said.stdout) ?? [];
  if (address === undefined) throw new Error(`did not start: ${said.stdout}${said.stderr}`);
  const stop: Started['stop'] = async (signal = 'SIGTERM') => {
    child.kill(signal);
    const [status] = await closed;
    return { status, stderr: said.stderr };
  };
  return { address, lines: said.stdout, stop };
}

describe('detdistill serve', () => {
  it('says what it serves, answers what predict finds, and ends in order', async () => {
    const images = await Promise.all(
      ['a', 'b', 'c'].map(async (name, i) => {
        const path = join(root, `${name}.png`);
        await noise(name, 50 + 20 * i, 60)
          .png()
          .toFile(path);
        return path;
      }),
    );
    const serving = await start('--model', `trees=${model}`, '--model', model);
    const name = root.split('/').at(-1)!;
    expect(serving.lines).toContain(
      `trees version 1, onnxruntime: ${serving.address}/v1/models/trees:predict`,
    );
    expect(serving.lines).toContain(
      `${name} version 1, onnxruntime: ${serving.address}/v1/models/${name}:predict`,
    );
    const instances = await Promise.all(images.map(async path => b64(await readFile(path))));
    const { body } = await ask<{ predictions: Prediction[] }>(`${serving.address}/v1/models/trees:predict`, {
      instances,
    });
    const predicted = await detdistill(['predict', '--model', model, ...images, '--score', '0', '--json']);
    const found = JSON.parse(predicted.stdout) as FoundByPredict[];
    expect(found.length).toBe(3);
    found.forEach(({ detections }, i) => {
      const {
        detection_boxes: boxes,
        detection_classes: classes,
        detection_scores: scores,
        num_detections,
      } = body.predictions[i]!;
      expect(num_detections).toBe(detections.length);
      expect(detections.length).toBeGreaterThan(5);
      expect(classes.slice(0, num_detections).map(id => CLASSES[id - 1])).toEqual(
        detections.map(one => one.label),
      );
      detections.forEach(({ box, score }, j) => {
        expect(scores[j]).toBeCloseTo(score, 5);
        box.forEach((side, k) => expect(boxes[j]![k]).toBeCloseTo(side, 2));
      });
    });
    const { status, stderr } = await serving.stop();
    expect(status).toBe(0);
    expect(stderr).toContain('"msg":"model loaded"');
  });

  it('gives the metrics that evaluate gives for the model itself', async () => {
    const data = join(root, 'data');
    await mkdir(data);
    // Boxes that the model finds in the first images, so that there is something to hit.
    const names = Array.from({ length: 6 }, (_, i) => `p${i}.png`);
    for (const [i, name] of names.entries())
      await noise(name, 80 + 10 * (i % 2), 64)
        .png()
        .toFile(join(data, name));
    const serving = await start('--model', `trees=${model}`);
    const url = `${serving.address}/v1/models/trees:predict`;
    const instances = await Promise.all(names.map(async name => b64(await readFile(join(data, name)))));
    const { body } = await ask<{ predictions: Prediction[] }>(url, { instances });
    const found = body.predictions.flatMap((one, image) =>
      one.detection_boxes.slice(0, one.num_detections).map(([ymin, xmin, ymax, xmax], i) => ({
        image_id: image + 1,
        category_id: one.detection_classes[i]!,
        bbox: [xmin, ymin, xmax - xmin, ymax - ymin],
        score: one.detection_scores[i]!,
      })),
    );
    const truth = {
      images: names.map((file_name, i) => ({ id: i + 1, file_name, width: 80 + 10 * (i % 2), height: 64 })),
      categories: CLASSES.map((name, i) => ({ id: i + 1, name })),
      annotations: found
        .filter(({ bbox }, i) => i % 7 === 0 && bbox[2]! > 4 && bbox[3]! > 4)
        .map(({ image_id, category_id, bbox: [x, y, width, height] }, i) => ({
          id: i + 1,
          image_id,
          category_id,
          bbox: [x! + 1, y!, width! - 1, height!],
          area: (width! - 1) * height!,
          iscrowd: 0,
        })),
    };
    await writeFile(join(data, 'instances.json'), JSON.stringify(truth));
    await writeFile(join(root, 'found.json'), JSON.stringify(found));
    await serving.stop();
    const json = async (...args: string[]): Promise<Record<string, number>> => {
      const { stdout, stderr } = await detdistill(['evaluate', ...args, '--json']);
      if (stdout === '') throw new Error(stderr);
      const {
        perClass: _,
        engine: __,
        ...metrics
      } = JSON.parse(stdout) as Record<string, number> & {
        perClass: unknown;
        engine: unknown;
      };
      return metrics;
    };
    const served = await json(
      '--detections',
      join(root, 'found.json'),
      '--ground-truth',
      join(data, 'instances.json'),
    );
    const own = await json('--model', model, '--data', join(data, 'instances.json'));
    expect(served.AP).toBeGreaterThan(0.02);
    expect(Object.keys(served).length).toBe(12);
    for (const [key, value] of Object.entries(own))
      expect([key, served[key]]).toEqual([key, expect.closeTo(value, 6)]);
  });

  it('serves the models and limits of a file; the command line comes before it', async () => {
    const file = join(root, 'models.yaml');
    await writeFile(
      file,
      'models:\n  trees: { path: ./model, labels: { stable: 1 } }\nmax_images: 2\nport: 1\n',
    );
    const serving = await start('--models', file, '--max-images', '1', '--json');
    expect(JSON.parse(serving.lines)).toEqual({
      address: serving.address,
      models: [
        { name: 'trees', version: 1, engine: 'onnxruntime', url: `${serving.address}/v1/models/trees` },
      ],
    });
    expect((await ask(`${serving.address}/v1/models/trees/labels/stable`)).status).toBe(200);
    const two = await ask(`${serving.address}/v1/models/trees:predict`, {
      instances: [[[[1, 2, 3]]], [[[1, 2, 3]]]],
    });
    expect(two).toMatchObject({ status: 413, body: { error: 'instances: 2 images, at most 1' } });
    expect((await serving.stop('SIGINT')).status).toBe(0);
  });

  it.each([
    [[], 'USAGE_WRONG: no model given'],
    [['--models', 'x.yaml', '--model', 'a=x'], 'USAGE_WRONG: both --model and --models given'],
    [['--model', 'a=x', '--model', 'a=y'], 'USAGE_WRONG: --model a=y: the model name a is already in use'],
    [['--model', 'a=x', '--port', 'high'], 'port: Invalid input'],
    [['--model', 'a=x', '--versions', 'newest'], 'models.a.versions: latest, all, or a list of numbers'],
    [['--model', 'a=x', '--max-images', '65'], 'max_images: more than queue_length'],
  ])('refuses %j with 2', async (args, message) => {
    const { status, stdout, stderr } = await detdistill(['serve', ...args]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('refuses what is no model', async () => {
    const { status, stderr } = await detdistill(['serve', '--model', join(root, 'nothing')]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('MODEL_MISSING')]);
  });
});
