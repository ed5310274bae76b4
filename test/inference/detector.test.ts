import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NmsConfigs } from '../../src/config/run.js';
import type { Image } from '../../src/images/decode.js';
import { openDetector } from '../../src/inference/detector.js';
import type { Detection } from '../../src/inference/engine.js';
import { physicalCores } from '../../src/inference/onnxruntime.js';
import { cocoMetrics } from '../../src/evaluation/coco.js';
import { writeModel } from '../../src/export/model-folder.js';
import { randomFrom } from '../../src/random.js';
import { goldenModel } from '../../bench/fixtures/golden-model.js';
import { expectParity, largestError } from '../parity.js';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'detector-'));
  const { card, weights } = goldenModel('efficientdet-t0', [96, 128], 4);
  await writeModel(join(root, 'model'), { card, weights });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Noise of 1 to 8 pixels a grain. */
function image(width: number, height: number, name: string): Image {
  const random = randomFrom(name);
  const grain = 1 + random.integer(8);
  const columns = Math.ceil(width / grain);
  const noise = Uint8Array.from({ length: columns * Math.ceil(height / grain) * 3 }, () =>
    random.integer(256),
  );
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [y, x] = [Math.floor(i / 3 / width), Math.floor(i / 3) % width];
    return noise[(Math.floor(y / grain) * columns + Math.floor(x / grain)) * 3 + (i % 3)]!;
  });
  return { width, height, pixels };
}

/** Equal ones but for scores so near each other that their order means nothing. */
function compare(
  found: readonly Detection[],
  expected: readonly Detection[],
): { pixels: number; score: number } {
  expect(found.length).toBe(expected.length);
  const score = largestError(
    found.map(one => one.score),
    expected.map(one => one.score),
  );
  const pixels = expected.map(one => {
    const same = found.filter(
      other => other.classIndex === one.classIndex && Math.abs(other.score - one.score) < 1e-4,
    );
    return Math.min(...same.map(other => largestError([...other.box], [...one.box])));
  });
  return { pixels: Math.max(0, ...pixels), score };
}

describe.each([
  ['hard', true],
  ['hard', false],
  ['gaussian', true],
  ['gaussian', false],
] as const)('the engines, suppression %s, per class %s', (method, per_class) => {
  it('find the same in images of any size and number', async () => {
    const { card, weights } = goldenModel('efficientdet-t0', [96, 128], 4);
    const folder = join(root, `${method}-${per_class}`);
    const nms_configs = NmsConfigs.parse({ method, per_class });
    await writeModel(folder, { card: { ...card, nms_configs }, weights });
    const engines = await Promise.all(
      (['tensorflow', 'onnxruntime'] as const).map(engine => openDetector(folder, { engine })),
    );
    expect(engines.map(({ engine }) => engine)).toEqual(['tensorflow', 'onnxruntime']);
    const worst = { pixels: 0, score: 0 };
    let cases = 0;
    for (const [width, height, count] of [
      [128, 96, 1],
      [333, 250, 3],
      [50, 200, 2],
      [11, 7, 1],
    ] as const) {
      // prettier-ignore
      const images = Array.from({ length: count }, (_, i) => image(width, height, `${width}-${i}`));
      const [expected, found] = await Promise.all(engines.map(({ detect }) => detect(images)));
      found!.forEach((list, i) => {
        const { pixels, score } = compare(list, expected![i]!);
        worst.pixels = Math.max(worst.pixels, pixels);
        worst.score = Math.max(worst.score, score);
        cases += list.length;
      });
    }
    expect(cases).toBeGreaterThan(100);
    const way = `${method}, ${per_class ? 'per class' : 'all classes'}`;
    const common = { reference: 'the SavedModel, run by TensorFlow', cases };
    expectParity({ ...common, item: `Detections by onnxruntime, ${way}: boxes`, error: worst.pixels, measure: 'pixels', limit: 1e-2 }); // prettier-ignore
    expectParity({ ...common, item: `Detections by onnxruntime, ${way}: scores`, error: worst.score, measure: 'absolute', limit: 1e-4 }); // prettier-ignore
  });
});

describe('onnxruntime', () => {
  it('looks once for several rules of suppression', async () => {
    const folder = join(root, 'rules');
    const { card, weights } = goldenModel('efficientdet-t0', [96, 128], 4);
    await writeModel(folder, { card, weights });
    const { detect, detectUnder } = await openDetector(folder, { engine: 'onnxruntime' });
    const images = [image(128, 96, 'one'), image(128, 96, 'two')];
    const stricter = { ...card.nms_configs, iou_thresh: 0.2 };
    const [own, strict] = await detectUnder!(images, [card.nms_configs, stricter]);
    expect(own).toEqual(await detect(images));
    const other = join(root, 'stricter');
    await writeModel(other, { card: { ...card, nms_configs: stricter }, weights });
    expect(strict).toEqual(await (await openDetector(other, { engine: 'onnxruntime' })).detect(images));
    expect(strict).not.toEqual(own);
  });

  it('finds the same among the best cells as among all, which it looks at where those are not enough', async () => {
    const folder = join(root, 'large');
    const { card, weights } = goldenModel('efficientdet-t0', [256, 256], 4); // of 1,364 cells
    await writeModel(folder, { card, weights });
    const open = () => openDetector(folder, { engine: 'onnxruntime' });
    const images = [image(256, 200, 'large')];
    const gaussian = { ...card.nms_configs, method: 'gaussian' as const };
    const many = { ...card.nms_configs, max_output_size: 3000 };
    const [, all] = await (await open()).detectUnder!(images, [gaussian, card.nms_configs]);
    expect(all![0]!.length).toBe(card.nms_configs.max_output_size);
    const { detect, detectUnder } = await open();
    expect(await detect(images)).toEqual(all);
    const [more] = await detectUnder!(images, [many]);
    expect(more![0]!.length).toBeGreaterThan(all![0]!.length);
    expect(more![0]!.slice(0, all![0]!.length)).toEqual(all![0]);
    expect(await detect(images)).toEqual(all);
  });

  it('keeps calls at the same time apart', async () => {
    const { detect } = await openDetector(join(root, 'model'), { engine: 'onnxruntime' });
    const images = Array.from({ length: 4 }, (_, i) => [image(128, 96, `beside-${i}`)]);
    const alone: Detection[][][] = [];
    for (const one of images) alone.push(await detect(one));
    expect(alone.every(([found]) => found!.length > 0)).toBe(true);
    expect(new Set(alone.map(found => JSON.stringify(found))).size).toBe(4);
    expect(await Promise.all(images.map(one => detect(one)))).toEqual(alone);
  });
});

describe('an evaluation', () => {
  it('says the same by either engine', async () => {
    const images = Array.from({ length: 8 }, (_, i) => image(160, 120, `evaluated-${i}`));
    const [first, second] = await Promise.all(
      (['tensorflow', 'onnxruntime'] as const).map(async engine =>
        (await openDetector(join(root, 'model'), { engine })).detect(images),
      ),
    );
    const random = randomFrom('truth');
    // Labels near a part of what was found: some are hit, by more or less, and others are missed.
    const annotations = first!.flatMap((list, image) =>
      list.slice(0, 40).filter((_, i) => i % 4 === 0).map(({ box, classIndex }) => {
        const [ymin, xmin, ymax, xmax] = box.map(side => side + random.uniform(-4, 4)) as [number, number, number, number]; // prettier-ignore
        const bbox = [xmin, ymin, Math.max(2, xmax - xmin), Math.max(2, ymax - ymin)] as [number, number, number, number]; // prettier-ignore
        return { image_id: image + 1, category_id: classIndex + 1, bbox, area: bbox[2] * bbox[3], iscrowd: 0 as const };
      }),
    ).map((annotation, i) => ({ id: i + 1, ...annotation })); // prettier-ignore
    const truth = {
      images: images.map(({ width, height }, i) => ({ id: i + 1, width, height, file_name: `${i}` })),
      annotations,
      categories: [1, 2, 3, 4].map(id => ({ id, name: `class ${id}` })),
    };
    const metricsOf = (found: Detection[][]): number[] =>
      Object.values({
        ...cocoMetrics(
          truth,
          found.flatMap((list, image) =>
            list.map(({ box: [ymin, xmin, ymax, xmax], classIndex, score }) => ({
              image_id: image + 1,
              category_id: classIndex + 1,
              bbox: [xmin, ymin, xmax - xmin, ymax - ymin] as [number, number, number, number],
              score,
            })),
          ),
        ).metrics,
      });
    const expected = metricsOf(first!);
    expect(expected[0]).toBeGreaterThan(0.01);
    expectParity({
      item: 'COCO metrics of detections by onnxruntime',
      reference: 'of detections by TensorFlow',
      cases: 12,
      error: largestError(metricsOf(second!), expected),
      measure: 'absolute',
      limit: 1e-3,
    });
  });
});

describe('a detector', () => {
  it('falls back to TensorFlow where the folder has no ONNX network, and says so', async () => {
    const old = join(root, 'old');
    await cp(join(root, 'model'), old, { recursive: true });
    await rm(join(old, 'network.onnx'));
    const detector = await openDetector(old, { engine: 'auto' });
    expect(detector.engine).toBe('tensorflow');
    expect((await detector.detect([image(64, 64, 'old')]))[0]!.length).toBeGreaterThan(0);
    await expect(openDetector(old, { engine: 'onnxruntime' })).rejects.toMatchObject({
      code: 'ONNX_NETWORK_MISSING',
      facts: { folder: old },
    });
  });

  it('names a file that is no model', async () => {
    const broken = join(root, 'broken');
    await cp(join(root, 'model'), broken, { recursive: true });
    await rm(join(broken, 'network.onnx'));
    await cp(join(broken, 'model.json'), join(broken, 'network.onnx'));
    await expect(openDetector(broken, { engine: 'auto' })).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
    });
  });

  it('runs as many threads as there are cores, not twice as many where a core is seen as two', () => {
    const processor = (core: number): string => `processor\t: 0\nphysical id\t: 0\ncore id\t\t: ${core}\n`;
    expect(physicalCores([0, 0].map(processor).join('\n'))).toBe(1);
    expect(physicalCores('')).toBeGreaterThan(0);
  });
});
